"""Reads csv and tsv files of raw text: the rows that processing reads of the same file, or an error that says so.

The dialect (delimiter, quote, encoding, header) is set or detected by contract.dialect, as in processing. Where
processing mends a file (quotes that do not close, carriage returns within values, other escapes), this reader refuses.
"""

from __future__ import annotations

import csv
import io
import itertools
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from contract import encodings
from contract.dialect import Dialect, TextSettings, character
from contract.dialect_detection import SAMPLE_BYTES, detect
from contract.failures import UserError
from training.data.columns import named
from training.data.decompression import form, opened
from training.options import TrainingOptions

# The longest line that processing takes.
MAX_LINE_BYTES = 8 * 1024 * 1024
# Most different last values of rows by which a row within a quoted value is recognized, and fewest such rows.
MOST_VALUES, FEWEST_ROWS = 100, 2
# Most rows with another number of values, as a share of all, as in processing.
MOST_BROKEN = 0.05
# What is not set is detected.
DETECTED = TextSettings()
PROCESS = "process it first, which reads such files"

log = logging.getLogger(__name__)


def text_settings(options: TrainingOptions) -> TextSettings:
    """What the hyperparameters say about csv and tsv files.

    Raises:
        UserError: a value is none that a file can have.
    """
    names = options.column_names
    if names is not None and (not names or len({name.lower() for name in names}) < len(names)):
        raise UserError(f"hyperparameter column_names is {', '.join(names)!r}, expected different names")
    try:
        delimiter = None if options.delimiter is None else character("delimiter", options.delimiter)
        quote = None if options.quote == "auto" else character("quote", options.quote, empty=True)
        encoding = None if options.encoding is None else encodings.known(options.encoding)
    except UserError as error:
        raise as_hyperparameter(error) from None
    return TextSettings(delimiter, quote, None, encoding, not options.no_header, names)


def as_hyperparameter(error: UserError) -> UserError:
    """An error of contract.dialect, which names options of processing, with the hyperparameter of the same name."""
    return UserError(str(error).replace("option --", "hyperparameter ").replace("option ", "hyperparameter "))


def read(file: Path, wanted: Sequence[str], settings: TextSettings) -> pa.Table:
    """The rows of `file`, in those of the columns `wanted` that it has, every value as text.

    A row with more or fewer values than the header is left out, and counted in the log.

    Raises:
        UserError: it has none of the columns, or processing would read it in another way.
    """
    dialect = found_dialect(file, settings)
    csv.field_size_limit(MAX_LINE_BYTES)
    with opened(file) as binary:
        # Only LF ends a line here; the csv module refuses a carriage return within a line.
        lines = io.TextIOWrapper(binary, encoding=without_mark(dialect.encoding), newline="\n")
        records = Records(file, dialect, itertools.islice(lines, dialect.skipped, None))
        names = records.names(settings.column_names)
        places = {name: names.index(name) for name in known_columns(file, names, wanted)}
        columns: dict[str, list[str]] = {name: [] for name in places}
        for row in records.rows(len(names)):
            for name, place in places.items():
                columns[name].append(row[place])
    records.settle(len(next(iter(columns.values()))))
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def found_dialect(file: Path, settings: TextSettings) -> Dialect:
    """The dialect of `file`, set or detected.

    Raises:
        UserError: the file is not UTF-8 and nothing says what it is.
    """
    with opened(file) as binary:
        head = binary.read(SAMPLE_BYTES)
    try:
        dialect = detect(head, file.name, form(file) == ".tsv", settings)
    except UserError as error:
        raise as_hyperparameter(error) from None
    if dialect.detected:
        log.info("file %s: detected %s", file.name, ", ".join(dialect.detected))
    return dialect


def encoding_of(file: Path, settings: TextSettings) -> str:
    """The encoding of a JSON file, by which its byte order mark is left out; raises UserError as `found_dialect`."""
    with opened(file) as binary:
        head = binary.read(SAMPLE_BYTES)
    try:
        return without_mark(encodings.detect(head, file.name, settings.encoding))
    except UserError as error:
        raise as_hyperparameter(error) from None


def without_mark(encoding: str) -> str:
    return "utf-8-sig" if encoding == encodings.UTF8 else encoding


class Records:
    """The records of a csv or tsv file, one after another.

    Args:
        lines: of the file, with their ends of LF; the csv module refuses a carriage return within one.
    """

    def __init__(self, file: Path, dialect: Dialect, lines: Iterator[str]) -> None:
        self.file, self.dialect = file, dialect
        self.broken, self.first_broken = 0, 0
        self._reader = csv.reader(
            lines,
            delimiter=dialect.delimiter,
            quotechar=dialect.quote or None,
            quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
            strict=True,
        )
        # A first record that is a row.
        self._row: list[str] | None = None
        self._lasts: set[str] = set()

    @property
    def line(self) -> int:
        """Number of the line that was read last, from 1."""
        return self._reader.line_num + self.dialect.skipped

    def names(self, given: Sequence[str] | None) -> list[str]:
        """Names of the columns: `given`, else of the header, else column1, column2, ...; pandas' index has its name.

        Raises:
            UserError: the file is empty, or has another number of columns than names are `given`.
        """
        first = self._next()
        if first is None or not any(first):
            raise UserError(f"file {self.file.name} is empty, expected a first line with column names")
        if given is not None and len(given) != len(first):
            raise UserError(
                f"hyperparameter column_names has {len(given)} names, but the first line of file {self.file.name} has "
                f"{len(first)} values"
            )
        if given is None and self.dialect.has_header:
            return [name or f"Unnamed: {index}" for index, name in enumerate(first)]
        if not self.dialect.has_header:
            self._row = first
        return list(given or (f"column{number}" for number in range(1, len(first) + 1)))

    def rows(self, width: int) -> Iterator[list[str]]:
        """The rows with `width` values; the others are counted.

        Raises:
            UserError: processing would read the file in another way.
        """
        row = self._row or self._next()
        while row is not None:
            if len(row) == width:
                self._refuse_odd(row)
                yield row
            else:
                self.first_broken = self.first_broken or self.line
                self.broken += 1
            row = self._next()

    def _next(self) -> list[str] | None:
        """The next record that is not blank; None at the end."""
        try:
            return next((row for row in self._reader if row), None)
        except csv.Error:
            problem = "has quotes that do not match, a carriage return, or a value that is too long"
            raise self._refused(problem) from None

    def _refuse_odd(self, row: list[str]) -> None:
        """Raise for spaces before quotes, and for rows within a quoted value: its first quote is a stray one."""
        quote, delimiter = self.dialect.quote, self.dialect.delimiter
        if not quote:
            return
        lines = [line for value in row if "\n" in value for line in value.split("\n")[:-1]]
        ends = [line.rpartition(delimiter)[2] for line in lines if line.count(delimiter) == len(row) - 1]
        if sum(end in self._lasts for end in ends) >= FEWEST_ROWS:
            raise self._refused("ends a quoted value that has other rows in it")
        if any(value.startswith(" ") and value.lstrip(" ").startswith(quote) for value in row):
            raise self._refused("has spaces before a quote")
        if not lines and len(self._lasts) < MOST_VALUES and len(row) > 1:
            self._lasts.add(row[-1])

    def _refused(self, what: str) -> UserError:
        return UserError(f"file {self.file.name}: line {self.line:,} {what}; {PROCESS}")

    def settle(self, rows: int) -> None:
        """Log how many rows have another number of values; raises UserError if they are too many beside `rows`."""
        if not self.broken:
            return
        found = (
            f"{self.broken:,} lines have another number of values than the header, the first is line "
            f"{self.first_broken:,}"
        )
        if self.broken > MOST_BROKEN * (rows + self.broken):
            raise UserError(
                f"file {self.file.name}: {found}; expected at most {MOST_BROKEN:.0%} of the rows: process it first, "
                "with --max-rejects"
            )
        log.warning("file %s: %s; they are skipped", self.file.name, found)


def known_columns(file: Path, header: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Those of the columns `wanted` that the file has; how many others a file has that has some is in the log.

    Raises:
        UserError: it has none, or one of them twice.
    """
    names = [name for name in wanted if name in header]
    if not names:
        raise no_column(file, len(header), wanted)
    for name in names:
        if header.count(name) > 1:
            raise UserError(f"file {file.name} has {header.count(name)} columns named {name}, expected one")
    others = [name for name in header if name not in names]
    if others:
        log.info("file %s: columns %s are read, %s are not", file.name, ", ".join(names), named(others))
    return names


def no_column(file: Path, count: int, wanted: Sequence[str]) -> UserError:
    return UserError(
        f"file {file.name}: none of its {count} columns is named {', '.join(wanted)}; expected a header line where it "
        "is csv or tsv, or no_header and column_names, and the hyperparameters text_column and label_column to name "
        "the columns"
    )
