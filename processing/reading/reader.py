"""FileReader: runs the query over one input file, yields batches of rows, and collects counts and rejected rows."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from contract.failures import UserError
from processing.arrays import to_list
from processing.batches import mark, outcomes, rejected_classes
from processing.reading.columns import choose
from processing.reading.first_pass import FirstPass, wants_cuts
from processing.reading.line_numbers import lines_at, lines_of_rows
from processing.reading.query import FOLDER, Plan, build
from processing.reading.rejects import REASONS, BrokenLine, Reject, broken_lines
from processing.reading.scan import scan
from processing.reading.schema import columns as sampled_columns
from processing.reading.source import SourceFile, folder_columns
from processing.rows.conditions import conditions
from processing.rows.filters import REJECTED, Counts, Outcome

BATCH_ROWS = 2048
# Most rejected rows per file that are listed in rejects.jsonl, since they are kept in memory; all are counted.
MOST_LISTED = 100_000

log = logging.getLogger(__name__)


@dataclass
class FileReader:
    """Reads one file. `counts` and `rejects` are complete once all batches are read.

    Attributes:
        columns: name and SQL type of each column of the file.
        number: index of the file in the job.
        duplicates: indices of rows that are duplicates of earlier rows, from the first pass.
        faults: outcome and value of rows that were rejected for their value, by index.
        broken: lines that DuckDB could not parse and that this host counts.
        all_broken: all lines that DuckDB could not parse.
    """

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
        """Batches of all rows of the file with their outcomes, in the order of the file.

        Raises:
            UserError: the file cannot be read, a condition fails on a row, or a label is not one of the configured.
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

    def fetched(self, query: str) -> list[Any]:
        """The rows of a query over the file; its broken lines are discarded. Raises UserError as `batches`."""
        try:
            rows: list[Any] = self.connection.execute(query).fetchall()
        except duckdb.Error as error:
            raise self.explained(error) from None
        broken_lines(self.connection)
        return rows

    def add_to(self, first_pass: FirstPass) -> None:
        """Read the file for the first pass."""
        # Sampling needs the rows of all hosts.
        plan = replace(self.plan, host=0, hosts=1) if wants_cuts(self.plan.options) else self.plan
        try:
            first_pass.add_file(self.number, build(plan, self.file, self.columns))
        except duckdb.Error as error:
            raise self.explained(error) from None
        # Discard them: the second pass finds them again.
        broken_lines(self.connection)

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
        return (
            f"input file {self.file.name} has the label {value[:40]!r} in column {self.plan.chosen.label} "
            f"(row {row + 1}), expected {self.plan.labels.expected}"
        )

    def count_broken(self, broken: list[BrokenLine]) -> None:
        """Count the lines that DuckDB could not parse; with several hosts each counts its share of them."""
        if self.file.format == "jsonl":
            # A whole line is one column, which only a raw control character splits in two.
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
        """The reason why a line of a JSON Lines file is rejected."""
        return REJECTED[Outcome.NOT_JSON] if line.reason == REASONS["TOO MANY COLUMNS"] else line.reason

    def rejects(self) -> Iterator[Reject]:
        """The rejected rows with their line numbers; lines that could not be parsed first."""
        name = self.file.name
        lines = lines_at(self.file, [line.byte for line in self.broken]) if self.broken else []
        for line, broken in zip(lines, self.broken, strict=True):
            yield Reject(name, line, broken.column, broken.reason, broken.value)
        if not self.faults:
            return
        every = lines_at(self.file, [line.byte for line in self.all_broken]) if self.all_broken else []
        numbers = lines_of_rows(self.file, self.faults, every)
        for row, (outcome, value) in self.faults.items():
            column = None if outcome is Outcome.NOT_JSON else self.plan.chosen.label
            yield Reject(name, numbers[row], column, REJECTED[outcome], value)

    def explained(self, error: duckdb.Error) -> UserError:
        """The UserError for an error of DuckDB that the caller has caused; any other error is raised unchanged."""
        # DuckDB's lenient mode would read on, but split a row at a carriage return within a text.
        if "invalid state" in str(error):
            return UserError(
                f"input file {self.file.name} cannot be read: it mixes line endings, or has a carriage return in an "
                "unquoted value; expected one kind of line ending"
            )
        if isinstance(error, (duckdb.IOException, duckdb.InvalidInputException)):
            return UserError(f"input file {self.file.name} cannot be read: {without_values(error)}")
        user_conditions = conditions(self.plan.options)
        if user_conditions and not isinstance(error, duckdb.OutOfMemoryException):
            options = " and ".join(f"option {name} is {condition!r}" for name, condition in user_conditions.items())
            return UserError(f"{options}, which DuckDB refuses: {without_values(error)}{hint(error)}")
        raise error


def hint(error: duckdb.Error) -> str:
    """What a user may do about text that is used as a number, to append to DuckDB's message; often empty."""
    if isinstance(error, duckdb.ConversionException):
        return "; TRY_CAST gives NULL for such a value"
    if isinstance(error, duckdb.BinderException) and ("explicit" in str(error) or "No function matches" in str(error)):
        return "; columns of csv, tsv and jsonl are text: TRY_CAST(column AS DOUBLE) is a number"
    return ""


def without_values(error: Exception) -> str:
    """The first line of DuckDB's error message, without values of the data, which it may quote."""
    text = str(error).strip()
    if isinstance(error, (duckdb.DataError, duckdb.InvalidInputException)):
        # A value may contain quotes and newlines.
        text = re.sub(r"'.*'", "'...'", text, flags=re.DOTALL)
    return text.splitlines()[0]


def describe(connection: duckdb.DuckDBPyConnection, file: SourceFile) -> dict[str, str]:
    """Name and SQL type of each column of `file`; FOLDER for those that only the names of its folders give.

    Raises:
        UserError: the file cannot be read.
    """
    columns = own_columns(connection, file)
    names = {name.lower() for name in columns}
    return columns | {name: FOLDER for name in folder_columns(file) if name.lower() not in names}


def own_columns(connection: duckdb.DuckDBPyConnection, file: SourceFile) -> dict[str, str]:
    """Name and SQL type of each column in `file` itself; raises UserError as `describe`."""
    if file.format != "parquet":
        return sampled_columns(file)
    try:
        rows = connection.execute(f"DESCRIBE SELECT * FROM {scan(file, {})}").fetchall()
    except duckdb.Error as error:
        raise UserError(f"input file {file.name} cannot be read: {without_values(error)}") from None
    return {name: kind for name, kind, *_ in rows}


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


def after_first_pass(connection: duckdb.DuckDBPyConnection, readers: Iterable[FileReader]) -> Iterator[FileReader]:
    """Run the first pass over all files, then yield the readers with its results: duplicates and cuts."""
    all_readers = list(readers)
    if not all_readers:
        return
    first_pass = FirstPass(connection, all_readers[0].plan.options)
    for reader in all_readers:
        reader.add_to(first_pass)
    first_pass.finish()
    for reader in all_readers:
        reader.duplicates = first_pass.duplicates(reader.number)
        reader.plan = replace(reader.plan, cuts=first_pass.cuts)
        yield reader
