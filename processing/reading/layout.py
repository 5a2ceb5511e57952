"""Layout of a text file, from its first megabyte: encoding, dialect, names of the columns, whether JSON has lines."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

from contract import encodings
from contract.dialect import MOST_FIELD_BYTES, Dialect, TextSettings, character, reader
from contract.dialect_detection import LF, SAMPLE_BYTES, Sample, dialect_of, line_lengths
from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.reading.columns import refuse_same_names
from processing.reading.decompression import decompressed
from processing.reading.json_values import is_document
from processing.reading.lines import Scanned
from processing.reading.source import TEXTS, SourceFile
from processing.reading.stream import FilePart

# Files whose layout is kept, since it is asked for several times while a file is read: some hundred bytes each.
MOST_CACHED = 32_768

# Bytes in which most files have their header and another record.
MOST_HEADER_BYTES = 512
# Where a tar archive says that it is one (POSIX.1-1988, ustar).
TAR_PLACE, TAR_MAGIC = 257, b"ustar"

# How files of other kinds begin.
MAGIC = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PAR1\x15": "parquet",
    b"ARROW1\0\0": "arrow",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PlainFile:
    """A file in UTF-8 without quoted values, compression or CR, which is read as it is.

    Attributes:
        start, end: the bytes of its rows, without the header.
        ends_line: whether its last line has a line end.
        lines, blank: number of all lines, and of blank ones.
    """

    start: int
    end: int
    ends_line: bool
    lines: int
    blank: int

    @property
    def scanned(self) -> Scanned:
        """What the scan of its lines finds."""
        return Scanned(self.lines, self.lines - self.blank, self.blank, {b"\n"})

    def passed(self, file: SourceFile, before: int) -> Iterator[bytes | FilePart]:
        """The content in a group of files: `before` blank lines, the rows, and a line end if the last has none."""
        yield b"\n" * before
        if self.start < self.end:
            yield FilePart(file.path, file.name, self.start, self.end)
            if not self.ends_line:
                yield b"\n"


@dataclass(frozen=True)
class Layout:
    """How a text file is read.

    Attributes:
        dialect: of a csv or tsv file; of a JSON file only its encoding counts.
        names: names of the columns of a csv or tsv file.
        ends_with_cr: whether CR alone ends the first line, and with it all: no line of the file ends otherwise.
        is_document: whether a JSON file is an array or has objects over several lines, rather than one a line.
        plain: of a small file that can be passed as it is, what a scan of its lines finds; else None.
    """

    dialect: Dialect
    names: tuple[str, ...] = ()
    is_document: bool = False
    ends_with_cr: bool = False
    plain: PlainFile | None = None

    @property
    def lines_before(self) -> int:
        """Number of records before the first row: the header, and `sep=;`; for csv and tsv files."""
        return self.dialect.skipped + self.dialect.has_header if self.names else 0

    def is_utf8_text(self, file: SourceFile) -> bool:
        """Whether the bytes of `file` are those that the database reads, if its lines allow it."""
        is_utf8 = file.compression == "none" and self.dialect.encoding == encodings.UTF8
        return is_utf8 and not self.is_document and not self.ends_with_cr


def text_settings(options: ProcessingOptions) -> TextSettings:
    """What the options say about text files; raises UserError for a bad value."""
    names = options.column_names
    if names is not None and (not names or len({name.lower() for name in names}) < len(names)):
        raise UserError(f"option --column-names is {', '.join(names)}, expected different names")
    return TextSettings(
        delimiter=None if options.delimiter is None else character("--delimiter", options.delimiter),
        quote=None if options.quote == "auto" else character("--quote", options.quote, empty=True),
        escape=None if options.escape is None else character("--escape", options.escape),
        encoding=None if options.encoding is None else encodings.known(options.encoding),
        has_header=not options.no_header,
        column_names=names,
    )


@lru_cache(MOST_CACHED)
def layout(file: SourceFile) -> Layout:
    """The layout of a csv, tsv or jsonl file; what is detected is logged.

    Raises:
        UserError: the file cannot be decompressed, is not UTF-8, has no header, or is a tar archive.
    """
    if file.compression == TEXTS:
        return Layout(Dialect("\x01", "", ""))
    head = start(file)
    refuse_other_kinds(file, head)
    sample = Sample(head, encodings.detect(head, file.name, file.settings.encoding))
    text = sample.whole
    if file.format == "jsonl":
        found = Layout(
            Dialect("\x01", "", "", sample.encoding),
            is_document=is_document(text.decode(errors="replace"), len(head) < SAMPLE_BYTES, file.says_lines),
            ends_with_cr=ends_with_cr(text),
        )
    else:
        dialect = dialect_of(sample, file.format == "tsv", file.settings)
        found = Layout(dialect, header(file, text, dialect), ends_with_cr=ends_with_cr(text))
    if plain := plain_file(file, head, sample, found):
        found = replace(found, plain=plain)
    if detected := found.dialect.detected:
        log.info("input file %s: detected %s", file.name, ", ".join(detected))
    return found


def plain_file(file: SourceFile, head: bytes, sample: Sample, found: Layout) -> PlainFile | None:
    """What a scan of the lines of `file` finds if `head` is all of it, and it is a plain file; else None.

    So a small file is read once in Python.
    """
    # Without a byte order mark, a line `sep=;` or another encoding the text is that of the file.
    is_whole = len(sample.text) == len(head) == file.size < SAMPLE_BYTES
    marks = "\r" + found.dialect.quote + found.dialect.escape
    if not is_whole or not found.is_utf8_text(file) or has_any(head, marks):
        return None
    ends = sample.places(LF)
    before = found.lines_before
    start = int(ends[before - 1]) + 1 if 0 < before <= len(ends) else len(head) * (before > 0)
    ends_line = head.endswith(b"\n")
    blank = int((line_lengths(ends) == 0).sum())
    return PlainFile(start, len(head), ends_line, len(ends) + (not ends_line), blank)


def has_any(text: bytes, marks: str) -> bool:
    """Whether `text` has one of the characters `marks`."""
    return any(mark.encode() in text for mark in marks)


def refuse_other_kinds(file: SourceFile, head: bytes) -> None:
    """Raises UserError: a file that begins with `head`, once it is decompressed, is not text, but of another kind."""
    if head[TAR_PLACE:].startswith(TAR_MAGIC):
        raise UserError(f"input file {file.name} is a tar archive; expected the files in it")
    kind = next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), None)
    if kind is not None:
        raise UserError(f"input file {file.name} has {kind} data where its name says text; expected another suffix")


def ends_with_cr(text: bytes) -> bool:
    """Whether the first line end in `text` is a CR without LF."""
    start = text[: text.find(b"\n")] if b"\n" in text else text
    return b"\r" in start[:-1] or (start.endswith(b"\r") and b"\n" not in text)


def start(file: SourceFile) -> bytes:
    """The first SAMPLE_BYTES of the decompressed file."""
    # Not more than there is: as many bytes are allocated, which takes longer than to read a small file.
    size = min(SAMPLE_BYTES, file.size) if file.compression == "none" else SAMPLE_BYTES
    with decompressed(file) as stream:
        return stream.read(size)


def header(file: SourceFile, text: bytes, dialect: Dialect) -> tuple[str, ...]:
    """Names of the columns: those of --column-names, else of the header, else column1, column2, ...

    A column without a name, as the index that pandas writes, is named as pandas names it.

    Raises:
        UserError: the header is missing or blank, has a name twice, or --column-names has another number of names.
    """
    first = first_record(text, dialect)
    if not any(first):
        found = "has a blank first line" if text.strip() else "is empty"
        raise UserError(f"input file {file.name} {found}, expected a first line with column names")
    names = file.settings.column_names
    if names is not None and len(names) != len(first):
        raise UserError(
            f"option --column-names has {len(names)} names, but input file {file.name} has {len(first)} columns"
        )
    if names is None and not dialect.has_header:
        names = tuple(f"column{number}" for number in range(1, len(first) + 1))
    if names is None:
        names = tuple(name or f"Unnamed: {index}" for index, name in enumerate(first))
    refuse_same_names(file, names)
    return names


def first_record(text: bytes, dialect: Dialect) -> list[str]:
    """The first record after the skipped lines: of the first lines, or of the whole `text` if it needs more."""
    line = text[: text.find(b"\n") + 1]
    if line and not dialect.skipped and not has_any(line, "\r" + dialect.quote + dialect.escape):
        # As the csv module splits it, but much faster.
        return line[:-1].decode(encodings.UTF8, errors="replace").split(dialect.delimiter)
    end = text.find(b"\n", MOST_HEADER_BYTES) + 1
    if 0 < end < len(text):
        found = list(islice(parsed(text[:end], dialect), 2))
        # With a second record the first one is whole.
        if len(found) == 2:
            return found[0]
    return next(parsed(text, dialect), [])


def parsed(text: bytes, dialect: Dialect) -> Iterator[list[str]]:
    """The records of the start of a file after the skipped lines; none after one that is broken."""
    lines = io.StringIO(text.decode(encodings.UTF8, errors="replace"), newline="")
    for _ in range(dialect.skipped):
        lines.readline()
    csv.field_size_limit(MOST_FIELD_BYTES)
    try:
        yield from reader(lines, dialect.delimiter, dialect.quote, dialect.escape)
    except csv.Error:
        return
