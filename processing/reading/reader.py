"""FileReader: runs the query over one input file, yields batches of rows, and collects counts and rejected rows."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from contract.failures import UserError
from processing.across_rows.conflicts import Conflict
from processing.across_rows.marks import Marks
from processing.arrays import to_list
from processing.batches import outcomes, rejected_classes
from processing.reading.columns import choose
from processing.reading.errors import READ_ERRORS, explained
from processing.reading.first_pass import FirstPass, of_all_hosts
from processing.reading.line_numbers import lines_at, lines_of_rows
from processing.reading.opening import Source, opened
from processing.reading.query import VALUE_CHARS, Plan, build, surveyed
from processing.reading.rejects import REASONS, BrokenLine, Reject, broken_lines
from processing.reading.schema import describe
from processing.reading.source import SourceFile
from processing.row_counts import Counts
from processing.rows.filters import REJECTED, Outcome

BATCH_ROWS = 2048
# Most rejected rows per file that are listed in rejects.jsonl, since they are kept in memory; all are counted.
MOST_LISTED = 100_000
# A label that an error may show: one that is no text.
NUMBER = re.compile(r"\s*-?[0-9.]{1,12}\s*")

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass
class FileReader:
    """Reads one file. `counts` and `rejects` are complete once all batches are read.

    Attributes:
        columns: name and SQL type of each column of the file.
        number: index of the file in the job.
        marks: what the first pass has decided about single rows.
        conflicts: rows of texts that have several labels, from the first pass.
        faults: outcome and value of rows that were rejected for their value, by index.
        broken: lines that DuckDB could not parse and that this host counts.
        all_broken: all lines that DuckDB could not parse.
        strays: lines that the scan of a text file rejected and that this host counts.
        source: the file as DuckDB read it.
    """

    connection: duckdb.DuckDBPyConnection
    plan: Plan
    file: SourceFile
    columns: Mapping[str, str]
    number: int = 0
    marks: Marks = field(default_factory=Marks.none)
    conflicts: list[Conflict] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    faults: dict[int, tuple[Outcome, str | None]] = field(default_factory=dict)
    broken: list[BrokenLine] = field(default_factory=list)
    all_broken: list[BrokenLine] = field(default_factory=list)
    strays: list[BrokenLine] = field(default_factory=list)
    source: Source | None = None

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Batches of all rows of the file with their outcomes, in the order of the file.

        Raises:
            UserError: the file cannot be read, a condition fails on a row, or a label is not one of the configured.
        """
        first = 0
        with self.opened() as source:
            try:
                query = build(self.plan, source.file, self.columns)
                for batch in self.connection.sql(query).to_arrow_reader(BATCH_ROWS):
                    marked = self.marks.apply(batch, first)
                    self.count(marked, first)
                    first += batch.num_rows
                    yield marked
            except READ_ERRORS as error:
                raise source.error or explained(error, self.file, self.plan.options) from None
            source.check()
            self.source = source
            self.count_broken(broken_lines(self.connection))
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
                raise source.error or explained(error, self.file, self.plan.options) from None
            source.check()
            broken_lines(self.connection)
        return result

    def fetched(self, query: Callable[[SourceFile], str]) -> list[Any]:
        """The rows of a query over the opened file."""
        rows: list[Any] = self.discarding_broken(lambda file: self.connection.execute(query(file)).fetchall())
        return rows

    def add_to(self, first_pass: FirstPass) -> None:
        """Read the file for the first pass. The second pass finds the broken lines again."""
        plan = replace(self.plan, host=0, hosts=1) if of_all_hosts(self.plan.options) else self.plan
        self.discarding_broken(lambda file: first_pass.add_file(self.number, surveyed(plan, file, self.columns)))

    def count(self, batch: pa.RecordBatch, first: int) -> None:
        """Count the rows of `batch` by outcome; `first` is the index of its first row in the file."""
        counts = outcomes(batch)
        if counts.keys() & {*REJECTED, Outcome.UNKNOWN_LABEL}:
            self.collect_faults(batch, first)
            self.counts.rejected_classes += rejected_classes(batch)
        for outcome, rows in counts.items():
            self.counts.add(outcome, rows)

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
        return (
            f"input file {self.file.name} has {shown} in column {self.plan.chosen.label} (row {row + 1}), "
            f"expected {self.plan.labels.expected}"
        )

    def check_count(self, source: Source) -> None:
        """Compare the number of rows with the number of records that the scan of a text file counted.

        Raises:
            UserError: they differ.
        """
        expected, strays = source.expected_rows, source.strays
        if expected is None:
            return
        counted = self.counts.read + self.counts.other_hosts
        if counted != expected:
            raise UserError(
                f"input file {self.file.name} has {expected:,} records, but {counted:,} of them were read; expected "
                "values in quotes where they have a delimiter, a quote or a line end, or other options --delimiter, "
                "--quote or --escape"
            )
        self.strays = self.counted(
            [BrokenLine(s.line, 0, None, s.reason, s.start.decode(errors="replace")[:VALUE_CHARS]) for s in strays]
        )

    def count_broken(self, broken: list[BrokenLine]) -> None:
        """Count the lines that DuckDB could not parse; with several hosts each counts its share of them."""
        if self.file.format == "jsonl":
            # A whole line is one column, which only a raw control character splits in two.
            broken = [replace(line, column=None, reason=self.json_reason(line)) for line in broken]
        self.all_broken = broken
        self.broken = self.counted(broken)

    def counted(self, broken: list[BrokenLine]) -> list[BrokenLine]:
        """Count `broken`; returns those that this host counts."""
        own = []
        for line in broken:
            if self.plan.hosts > 1 and line.line % self.plan.hosts != self.plan.host:
                self.counts.other_hosts += 1
                continue
            self.counts.read += 1
            self.counts.rejected[line.reason] += 1
            own.append(line)
        return own

    def json_reason(self, line: BrokenLine) -> str:
        """The reason why a line of a JSON Lines file is rejected."""
        return REJECTED[Outcome.NOT_JSON] if line.reason == REASONS["TOO MANY COLUMNS"] else line.reason

    def rejects(self) -> Iterator[Reject]:
        """The rejected rows with their line numbers; lines that could not be parsed first."""
        name = self.file.name
        for line, broken in zip(self.lines_at(self.broken), self.broken, strict=True):
            yield Reject(name, line, broken.column, broken.reason, broken.value)
        for stray in self.strays:
            yield Reject(name, stray.line, None, stray.reason, stray.value)
        if not self.faults:
            return
        numbers = lines_of_rows(self.file, self.faults, self.lines_at(self.all_broken))
        for row, (outcome, value) in self.faults.items():
            column = None if outcome is Outcome.NOT_JSON else self.plan.chosen.label
            yield Reject(name, numbers[row], column, REJECTED[outcome], value)

    def lines_at(self, broken: list[BrokenLine]) -> list[int]:
        """The line numbers of lines that DuckDB could not parse."""
        if self.source is None or not broken:
            return []
        return lines_at(self.source.bytes_read(), [line.byte for line in broken])

    def conflict_lines(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        """The lines of conflicts.jsonl of this host's rows of the file; `names` are the class names."""
        if not self.conflicts:
            return
        rows = {conflict.row for conflict in self.conflicts}
        lines = lines_of_rows(self.file, rows, self.lines_at(self.all_broken))
        for found in self.conflicts:
            place = {"group": found.group, "file": self.file.name, "line": lines[found.row]}
            yield {**place, "label": names[found.number], "kept": found.kept}


def readers(connection: duckdb.DuckDBPyConnection, plan: Plan, files: Iterable[SourceFile]) -> Iterator[FileReader]:
    """Create a reader for each file.

    Raises:
        UserError: a file lacks a column that the job reads.
    """
    options = plan.options
    named = replace(options, text_column=plan.chosen.text, label_column=plan.chosen.label)
    for number, file in enumerate(files):
        # The plan has the columns of the first file.
        columns = dict(plan.types) if number == 0 else describe(connection, file)
        choose(named, file, columns)
        yield FileReader(connection, plan, file, columns, number)
