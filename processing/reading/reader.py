"""FileReader: runs the query over a file or a group of files, yields batches of rows, and collects their counts."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from contract.failures import UserError
from processing.across_rows.conflicts import Conflict
from processing.across_rows.first_texts import FirstTexts
from processing.across_rows.marks import Marks
from processing.arrays import to_list, to_numpy
from processing.batches import outcomes, rejected_classes
from processing.reading.errors import READ_ERRORS, explained
from processing.reading.first_pass import FirstPass, needs_all_rows
from processing.reading.opening import Source, opened
from processing.reading.query import VALUE_CHARS, Plan, build, surveyed
from processing.reading.rejects import REASONS, BrokenLine, broken_lines
from processing.reading.source import SourceFile
from processing.row_counts import Counts
from processing.rows.filters import REJECTED, Outcome

BATCH_ROWS = 2048
# Most rejected rows per scan that are listed in rejects.jsonl, since they are kept in memory; all are counted.
MOST_LISTED = 100_000
# A label that an error may show: one that is no text.
NUMBER = re.compile(r"\s*-?[0-9.]{1,12}\s*")

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass
class FileReader:
    """Reads one file, or a group of files in one scan. `counts` and `rejects` are complete once all batches are read.

    Rows have an index over all files of the group.

    Attributes:
        file: the file, with the others of its group.
        columns: name and SQL type of each column of the file.
        number: index of the file, the first of its group, among the files that this host reads.
        marks: what the first pass has decided about single rows.
        texts: the texts so far, of which duplicates are dropped in one pass; None if the first pass has dropped them.
        conflicts: rows of texts that have several labels, from the first pass.
        counts: of each file.
        rows: number of rows that DuckDB has returned, of each file.
        faults: outcome and value of rows that were rejected for their value, by index.
        broken: lines that DuckDB could not parse, of each file.
        strays: lines that the scan of a text file rejected and that this host counts, of each file.
        source: the file as DuckDB read it.
    """

    connection: duckdb.DuckDBPyConnection
    plan: Plan
    file: SourceFile
    columns: Mapping[str, str]
    number: int = 0
    marks: Marks = field(default_factory=Marks.none)
    texts: FirstTexts | None = None
    conflicts: list[Conflict] = field(default_factory=list)
    counts: list[Counts] = field(init=False)
    rows: NDArray[np.int64] = field(init=False)
    faults: dict[int, tuple[Outcome, str | None]] = field(default_factory=dict)
    broken: list[list[BrokenLine]] = field(init=False)
    strays: list[list[BrokenLine]] = field(init=False)
    source: Source | None = None

    def __post_init__(self) -> None:
        files = len(self.file.members)
        self.counts = [Counts() for _ in range(files)]
        self.rows = np.zeros(files, np.int64)
        self.broken, self.strays = [[] for _ in range(files)], [[] for _ in range(files)]

    @property
    def numbers(self) -> range:
        """The indices of all files of the group among the files that this host reads."""
        return range(self.number, self.number + len(self.file.members))

    def batches(self, source: Source) -> Iterator[pa.RecordBatch]:
        """Batches of all rows of the file, opened as `source`, with their outcomes, in the order of the file.

        Raises:
            UserError: the file cannot be read, a condition fails on a row, or a label is not one of the configured.
        """
        first = 0
        try:
            query = build(self.plan, source.file, self.columns)
            for batch in self.connection.sql(query).to_arrow_reader(BATCH_ROWS):
                marked = self.marks.apply(batch, first)
                marked = marked if self.texts is None else self.texts.marked(marked)
                self.count(marked, first)
                first += batch.num_rows
                yield marked
        except READ_ERRORS as error:
            raise source.error or explained(error, self.file.title, self.plan.options) from None
        source.check()
        self.source = source
        self.count_broken(broken_lines(self.connection, source.file.mark), source)
        self.check_count(source)

    def opened(self) -> AbstractContextManager[Source]:
        """The file as DuckDB reads it."""
        return opened(self.connection, self.file, self.plan.options.stray_quotes == "reject")

    def discarding_broken(self, read: Callable[[SourceFile], T]) -> T:
        """The result of `read` over the opened file; its broken lines are discarded. Raises UserError as `batches`."""
        with self.opened() as source:
            try:
                result = read(source.file)
            except READ_ERRORS as error:
                raise source.error or explained(error, self.file.title, self.plan.options) from None
            source.check()
            broken_lines(self.connection)
        return result

    def fetched(self, query: Callable[[SourceFile], str]) -> list[Any]:
        """The rows of a query over the opened file."""
        rows: list[Any] = self.discarding_broken(lambda file: self.connection.execute(query(file)).fetchall())
        return rows

    def add_to(self, first_pass: FirstPass) -> None:
        """Read the file for the first pass. The second pass finds the broken lines again."""
        plan = self.plan.undivided if needs_all_rows(self.plan.options) else self.plan
        self.discarding_broken(lambda file: first_pass.add_file(self.numbers, surveyed(plan, file, self.columns)))

    def count(self, batch: pa.RecordBatch, first: int) -> None:
        """Count the rows of `batch` by file and outcome; `first` is the index of its first row.

        Raises:
            UserError: rows are not in the order of the files, since DuckDB has found other records than the scan.
        """
        files = to_numpy(batch.column("file"), np.uint32)
        if batch.column("file").null_count or (np.diff(files.astype(np.int64)) < 0).any():
            raise UserError(self.other_records(self.file.title, None))
        found = outcomes(batch)
        self.rows += np.bincount(files, minlength=len(self.rows))
        if {outcome for _, outcome in found} & {*REJECTED, Outcome.UNKNOWN_LABEL}:
            self.collect_faults(batch, first)
            # They are reported over all files.
            self.counts[0].rejected_classes += rejected_classes(batch)
        for (file, outcome), rows in found.items():
            self.counts[file].add(outcome, rows)

    def collect_faults(self, batch: pa.RecordBatch, first: int) -> None:
        """Add the rejected rows of `batch` to `faults`.

        Raises:
            UserError: a row has a label that is not one of the configured.
        """
        values = zip(to_list(batch.column("outcome")), to_list(batch.column("fault")), strict=True)
        for row, (number, value) in enumerate(values, first):
            outcome = Outcome(number)
            if outcome is Outcome.UNKNOWN_LABEL:
                raise UserError(self.unknown_label(row, value))
            if outcome in REJECTED and len(self.faults) < MOST_LISTED:
                self.faults[row] = (outcome, value)

    def unknown_label(self, row: int, value: str) -> str:
        """The error for a label that is not one of the configured."""
        shown = f"the label {value!r}" if NUMBER.fullmatch(value) else "a label"
        file, own_row = self.place(row)
        return (
            f"input file {self.file.members[file].name} has {shown} in column {self.plan.chosen.label} "
            f"(row {own_row + 1}), expected {self.plan.labels.expected}"
        )

    def place(self, row: int) -> tuple[int, int]:
        """The number of a row's file in the group, and its index in that."""
        ends = np.cumsum(self.rows)
        file = int(np.searchsorted(ends, row, side="right"))
        return file, row - int(ends[file] - self.rows[file])

    def check_count(self, source: Source) -> None:
        """Compare the number of rows with the number of records that the scan of text files counted.

        Raises:
            UserError: they differ.
        """
        for file, (expected, counts) in enumerate(zip(source.expected_rows(), self.counts, strict=False)):
            counted = counts.read + counts.other_hosts
            if counted != expected:
                name = self.file.members[file].name
                raise UserError(self.other_records(name, f"{expected:,} records, but {counted:,} of them were read"))
            self.strays[file] = self.counted(
                file,
                [
                    BrokenLine(s.line, 0, None, s.reason, s.start.decode(errors="replace")[:VALUE_CHARS])
                    for s in source.strays(file)
                ],
            )

    @staticmethod
    def other_records(name: str, counts: str | None) -> str:
        """The error for a file in which DuckDB has found other records than the scan of its content."""
        return (
            f"input file {name} has {counts or 'other records than were read'}; expected values in quotes where they "
            "have a delimiter, a quote or a line end, or other options --delimiter, --quote or --escape"
        )

    def count_broken(self, broken: list[BrokenLine], source: Source) -> None:
        """Count the lines that DuckDB could not parse; with several hosts each counts its share of them.

        Raises:
            UserError: one of them reaches into the next file.
        """
        if self.file.format == "jsonl":
            # A whole line is one column, which only a raw control character splits in two.
            broken = [replace(line, column=None, reason=self.json_reason(line)) for line in broken]
        for line in broken:
            if line.reaches_on:
                raise UserError(self.other_records(self.file.title, None))
            file, own = source.located(line)
            self.broken[file].append(own)
        for file, lines in enumerate(self.broken):
            self.counted(file, lines)

    def counted(self, file: int, broken: list[BrokenLine]) -> list[BrokenLine]:
        """Count `broken` lines of file number `file`; returns those that this host counts."""
        counts, own = self.counts[file], []
        for line in broken:
            if not self.is_own(line):
                counts.other_hosts += 1
                continue
            counts.read += 1
            counts.rejected[line.reason] += 1
            own.append(line)
        return own

    def is_own(self, line: BrokenLine) -> bool:
        """Whether this host counts a broken line."""
        return line.line % self.plan.hosts == self.plan.host

    def json_reason(self, line: BrokenLine) -> str:
        """The reason why a line of a JSON Lines file is rejected."""
        return REJECTED[Outcome.NOT_JSON] if line.reason == REASONS["TOO MANY COLUMNS"] else line.reason
