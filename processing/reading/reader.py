"""Reads one input file after another through the query: batches of rows, and the rows DuckDB rejects."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from contract.failures import UserError
from processing.arrays import to_list
from processing.batches import mark, outcomes
from processing.reading.first_pass import FirstPass, wants_cuts
from processing.reading.line_numbers import lines_at, lines_of_rows
from processing.reading.query import Plan, build, choose, conditions
from processing.reading.rejects import REASONS, BrokenLine, Reject, broken_lines
from processing.reading.schema import columns as sampled_columns
from processing.reading.source import SourceFile
from processing.rows.filters import REJECTED, Counts, Outcome

BATCH_ROWS = 2048
# Rows whose label is at fault are counted all, and listed up to this many a file: they are kept in memory.
MOST_LISTED = 100_000

log = logging.getLogger(__name__)


@dataclass
class FileReader:
    """Reads `file` once; `counts` and `rejects` are complete when the batches are."""

    connection: duckdb.DuckDBPyConnection
    plan: Plan
    file: SourceFile
    columns: Mapping[str, str]
    number: int = 0
    duplicates: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    counts: Counts = field(default_factory=Counts)
    faults: dict[int, tuple[Outcome, str | None]] = field(default_factory=dict)
    broken: list[BrokenLine] = field(default_factory=list)
    all_broken: list[BrokenLine] = field(default_factory=list)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Every row of the file with its outcome, in the file's order.

        Raises:
            UserError: the file is no such file, the condition fails on a row, a label is outside the map.
        """
        first = 0
        try:
            for batch in self.connection.sql(build(self.plan, self.file, self.columns)).to_arrow_reader(BATCH_ROWS):
                marked = mark(batch, self.duplicates - first)
                self.count(marked, first)
                first += batch.num_rows
                yield marked
        except duckdb.Error as error:
            raise self.explained(error) from None
        self.count_broken(broken_lines(self.connection))

    def note(self, first_pass: FirstPass) -> None:
        """Read the file for what `survey` wants of it."""
        # Where all rows are cut to size, those of the other hosts count too.
        plan = replace(self.plan, host=0, hosts=1) if wants_cuts(self.plan.options) else self.plan
        try:
            first_pass.note(self.number, build(plan, self.file, self.columns))
        except duckdb.Error as error:
            raise self.explained(error) from None
        # They come again when the rows are read.
        broken_lines(self.connection)

    def count(self, batch: pa.RecordBatch, first: int) -> None:
        """Count the rows of `batch`, the first of which is row `first` of the file."""
        found = outcomes(batch)
        if found.keys() & {*REJECTED, Outcome.UNKNOWN_LABEL}:
            self.note_faults(batch, first)
        for outcome, rows in found.items():
            self.counts.add(outcome, rows)

    def note_faults(self, batch: pa.RecordBatch, first: int) -> None:
        """Remember which rows have a label at fault.

        Raises:
            UserError: one of them has a label that the map does not have.
        """
        values = zip(to_list(batch.column("outcome")), to_list(batch.column("fault")), strict=True)
        for row, (number, value) in enumerate(values, first):
            outcome = Outcome(number)
            if outcome is Outcome.UNKNOWN_LABEL:
                raise UserError(self.unknown_label(row, value))
            if outcome in REJECTED and len(self.faults) < MOST_LISTED:
                self.faults[row] = (outcome, value)

    def unknown_label(self, row: int, value: str) -> str:
        return (
            f"input file {self.file.name} has the label {value[:40]!r} in column {self.plan.chosen.label} "
            f"(row {row + 1}), expected {self.plan.labels.expected}"
        )

    def count_broken(self, broken: list[BrokenLine]) -> None:
        """Count the lines that did not parse; of several hosts, each takes its share of them."""
        if self.file.format == "jsonl":
            # The column is the whole line, and only a raw control character parts it in two.
            broken = [replace(line, column=None, reason=self.json_reason(line)) for line in broken]
        for line in broken:
            if self.plan.hosts > 1 and line.line % self.plan.hosts != self.plan.host:
                self.counts.other_hosts += 1
                continue
            self.counts.read += 1
            self.counts.rejected[line.reason] += 1
            self.broken.append(line)
        self.all_broken = broken

    def json_reason(self, line: BrokenLine) -> str:
        return REJECTED[Outcome.NOT_JSON] if line.reason == REASONS["TOO MANY COLUMNS"] else line.reason

    def rejects(self) -> Iterator[Reject]:
        """What could not be read, with line numbers; broken lines first."""
        name = self.file.name
        lines = lines_at(self.file, [line.byte for line in self.broken]) if self.broken else []
        for line, found in zip(lines, self.broken, strict=True):
            yield Reject(name, line, found.column, found.reason, found.value)
        if not self.faults:
            return
        every = lines_at(self.file, [line.byte for line in self.all_broken]) if self.all_broken else []
        numbers = lines_of_rows(self.file, self.faults, every)
        for row, (outcome, value) in self.faults.items():
            column = None if outcome is Outcome.NOT_JSON else self.plan.chosen.label
            yield Reject(name, numbers[row], column, REJECTED[outcome], value)

    def explained(self, error: duckdb.Error) -> UserError:
        """The caller's mistake behind an error of the database; anything else is raised as it is."""
        # DuckDB's lenient mode would read on, but cut a row in two at a carriage return within a text.
        if "invalid state" in str(error):
            return UserError(
                f"input file {self.file.name} cannot be read: its lines end in more than one way, or a carriage return "
                "stands within a value without quotes; expected one kind of line end"
            )
        if isinstance(error, (duckdb.IOException, duckdb.InvalidInputException)):
            return UserError(f"input file {self.file.name} cannot be read: {without_values(error)}")
        given = conditions(self.plan.options)
        if given and not isinstance(error, duckdb.OutOfMemoryException):
            told = " and ".join(f"option {name} is {condition!r}" for name, condition in given.items())
            return UserError(f"{told}, which DuckDB refuses: {without_values(error)}")
        raise error


def without_values(error: Exception) -> str:
    """The first line of a message of DuckDB's, without the data that it quotes if it arose from data."""
    text = str(error).strip()
    if isinstance(error, (duckdb.DataError, duckdb.InvalidInputException)):
        # A value may hold quotes and line ends of its own.
        text = re.sub(r"'.*'", "'...'", text, flags=re.DOTALL)
    return text.splitlines()[0]


def describe(connection: duckdb.DuckDBPyConnection, file: SourceFile) -> dict[str, str]:
    """Name and SQL type of each column of `file`."""
    if file.format != "parquet":
        return sampled_columns(file)
    try:
        found = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(file.path)]).fetchall()
    except duckdb.Error as error:
        raise UserError(f"input file {file.name} cannot be read: {without_values(error)}") from None
    return {name: kind for name, kind, *_ in found}


def readers(connection: duckdb.DuckDBPyConnection, plan: Plan, files: Iterable[SourceFile]) -> Iterator[FileReader]:
    """A reader of each file.

    Raises:
        UserError: a file lacks a column that the first one has.
    """
    options = plan.options
    named = replace(options, text_column=plan.chosen.text, label_column=plan.chosen.label)
    for number, file in enumerate(files):
        # The plan was made from the first file.
        columns = dict(plan.types) if number == 0 else describe(connection, file)
        choose(named, file, columns)
        yield FileReader(connection, plan, file, columns, number)


def surveyed(connection: duckdb.DuckDBPyConnection, found: Iterable[FileReader]) -> Iterator[FileReader]:
    """The readers `found`, each told of its duplicates and of the cuts, once all have been read for that."""
    noted = list(found)
    if not noted:
        return
    first_pass = FirstPass(connection, noted[0].plan.options)
    for reader in noted:
        reader.note(first_pass)
    first_pass.decide()
    for reader in noted:
        reader.duplicates = first_pass.duplicates(reader.number)
        reader.plan = replace(reader.plan, cuts=first_pass.cuts)
        yield reader
