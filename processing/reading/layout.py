"""Layout of a text file, from its first megabyte: encoding, dialect, names of the columns, whether JSON has lines."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from contract import encodings
from contract.dialect import MOST_FIELD_BYTES, Dialect, TextSettings, character, reader
from contract.dialect_detection import SAMPLE_BYTES, Sample, dialect_of
from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.reading.columns import refuse_same_names
from processing.reading.decompression import decompressed, read_up_to
from processing.reading.json_values import is_document
from processing.reading.plain_file import PlainFile, has_any, plain_file
from processing.reading.source import TEXTS, SourceFile

# Most layouts that are kept, since they are asked for several times while a file is read: some hundred bytes each.
MOST_KEPT = 32_768
_KEPT: dict[SourceFile, Layout] = {}

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
class Layout:
    """How a text file is read.

    Attributes:
        dialect: of a csv or tsv file; of a JSON file only its encoding counts.
        names: names of the columns of a csv or tsv file.
        lines_before: number of records before the first row: the header, and `sep=;`; for csv and tsv files.
        ends_with_cr: whether CR alone ends the first line, and with it all: no line of the file ends otherwise.
        is_document: whether a JSON file is an array or has objects over several lines, rather than one a line.
        plain: of a small file that can be passed as it is, what a scan of its lines finds; else None.
    """

    dialect: Dialect
    names: tuple[str, ...] = ()
    lines_before: int = 0
    is_document: bool = False
    ends_with_cr: bool = False
    plain: PlainFile | None = None

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


def layout(file: SourceFile) -> Layout:
    """The layout of a csv, tsv or jsonl file, which is kept; what is detected is logged.

    Raises:
        UserError: the file cannot be decompressed, is not UTF-8, has no header, or is a tar archive.
    """
    found = kept(file)
    if found is not None:
        return found
    if file.compression == TEXTS:
        return Layout(Dialect("\x01", "", ""))
    return found_layout(file, start(file))


def found_layout(file: SourceFile, head: bytes) -> Layout:
    """Find and keep the layout of `file`; `head` is what `start` reads of it.

    Raises:
        UserError: as `layout`.
    """
    refuse_other_kinds(file, head)
    sample = Sample.of(head, file.name, file.settings)
    text, is_json_document = sample.whole, False
    names: tuple[str, ...] = ()
    if file.format == "jsonl":
        dialect = Dialect("\x01", "", "", sample.encoding)
        is_json_document = is_document(text.decode(errors="replace"), len(head) < SAMPLE_BYTES, file.says_lines)
    else:
        dialect = dialect_of(sample, file.format == "tsv", file.settings)
        names = header(file, text, dialect)
    lines_before = dialect.skipped + dialect.has_header if names else 0
    plain = None if is_json_document else plain_file(file, sample, dialect, lines_before)
    found = Layout(dialect, names, lines_before, is_json_document, ends_with_cr(text), plain)
    keep(file, found)
    return found


def keep(file: SourceFile, found: Layout) -> None:
    """Keep the layout that was found of `file`, and log what was detected."""
    if found.dialect.detected:
        log.info("input file %s: detected %s", file.name, ", ".join(found.dialect.detected))
    if len(_KEPT) >= MOST_KEPT:
        _KEPT.clear()
    _KEPT[file] = found


def kept(file: SourceFile) -> Layout | None:
    """The layout of `file` if it is kept."""
    return _KEPT.get(file)


def forget_layouts() -> None:
    """Forget all layouts that are kept."""
    _KEPT.clear()


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
        return read_up_to(stream, size)


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
