"""The content of a text file as DuckDB reads it: decompressed, in UTF-8, with line ends of LF.

A plain file is read by DuckDB itself, after a scan that counts its records. Any other one (compressed, in another
encoding, with mixed line ends, a JSON document, a folder of texts) is passed through a pipe by `stream.py`.
"""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from contract.encodings import UTF8
from contract.failures import UserError
from processing.reading.decompression import blocks, decompressed
from processing.reading.json_values import Document
from processing.reading.layout import Layout, layout
from processing.reading.line_counter import counted_lines
from processing.reading.lines import MixedEndsError, PlainRecords, Scanned, with_lf, without_mark
from processing.reading.records import QuotedRecords
from processing.reading.shares import OwnParts, plain_parts
from processing.reading.source import TEXTS, SourceFile
from processing.reading.stream import FilePart
from processing.reading.text_folder import documents

Part = TypeVar("Part")


@dataclass
class Content:
    """The content of one text file; `scanned` is complete once `blocks` is read to its end.

    Attributes:
        rejects_strays: whether lines with stray quotes are rejected; else they raise.
        is_followed: whether other files of a group follow, into which no quote may reach.
        own: the parts that this host reads of a file that several share; None before `blocks`, and of a whole file.
    """

    file: SourceFile
    rejects_strays: bool = False
    is_followed: bool = False
    scanned: Scanned = field(default_factory=Scanned)
    own: OwnParts[Any] | None = None

    @property
    def layout(self) -> Layout:
        """How the file is read."""
        return layout(self.file)

    @property
    def may_be_direct(self) -> bool:
        """Whether DuckDB can read the file itself, if its lines allow it."""
        file = self.file
        is_own = file.share.is_whole and not file.is_small_text and not file.has_pattern
        return is_own and self.layout.is_utf8_text(file)

    def blocks(self) -> Iterator[bytes]:
        """The content in blocks of whole or partial lines.

        Raises:
            UserError: the file is damaged, not in its encoding, no JSON, or has a stray quote or other line ends.
        """
        with self._naming_errors():
            records = self._records(self.rejects_strays)
            self.scanned = records.scanned
            content = decoded(self.file)
            if not self.file.share.is_whole:
                yield from self._own_parts(records.scanned, records.blocks(content))
                return
            yield from self._followed(records.parts(content)) if self.is_followed else records.blocks(content)

    def passed(self) -> Iterator[bytes | FilePart]:
        """The content as it is passed to the database: bytes of the file in place of blocks where they are the same.

        Of a file in a group, with blank lines in place of the header's, and a line end at its end.

        Raises:
            UserError: as `blocks`.
        """
        found, file = self.layout, self.file
        if self.is_followed and found.plain is not None:
            self.count_lines()
            yield from found.plain.passed(file, found.lines_before)
            return
        if file.share.is_whole or not found.is_utf8_text(file) or found.dialect.quote:
            yield from self.blocks()
            return
        with self._naming_errors():
            records = self._plain_records()
            yield from self._own_parts(records.scanned, plain_parts(file.path, file.name, records))

    def _own_parts(self, scanned: Scanned, parts: Iterable[Part]) -> Iterator[Part]:
        """Those of `parts` that this host reads; `scanned` grows with each."""
        own = OwnParts[Part](self.file.share, scanned, self.lines_before)
        self.own = own
        self.scanned = own.scanned
        return (part for is_own, part in own.marked(parts) if is_own)

    @contextmanager
    def _naming_errors(self) -> Iterator[None]:
        try:
            yield
        except MixedEndsError:
            line = self.scanned.lines + 1
            raise UserError(
                f"input file {self.file.name} has CR as line ends in line {line}, which is too long to look for them, "
                "and LF before; expected the same line ends in the whole file"
            ) from None

    def count_lines(self) -> bool:
        """Set `scanned` without `blocks`, for a file without quotes and with ends of LF alone; whether it is set."""
        if self.layout.plain is not None:
            self.scanned = self.layout.plain.scanned
            return True
        dialect = self.layout.dialect
        with decompressed(self.file) as stream:
            found = counted_lines(stream, dialect.quote + dialect.escape)
        self.scanned = found or self.scanned
        return found is not None

    def _followed(self, parts: Iterable[list[bytes]]) -> Iterator[bytes]:
        """As `passed` for a file of a group, from the records of a file that is no plain one."""
        before, last = self.lines_before, b"\n"
        for part in parts:
            records = part
            if before:
                records = []
                for record in part:
                    is_before = before > 0 and record != b"\n"
                    before -= is_before
                    records.append(b"\n" * record.count(b"\n") if is_before else record)
            block = b"".join(records)
            last = block[-1:] or last
            yield block
        if last != b"\n":
            yield b"\n"

    def _records(self, rejects_strays: bool) -> QuotedRecords | PlainRecords:
        dialect, columns = self.layout.dialect, len(self.layout.names)
        if dialect.quote:
            return QuotedRecords(dialect, self.file.name, rejects_strays, columns, self.is_followed)
        return self._plain_records()

    def _plain_records(self) -> PlainRecords:
        return PlainRecords(self.layout.dialect.delimiter.encode(), len(self.layout.names))

    def first_lines(self) -> Iterator[int]:
        """Number of the first line of each row that DuckDB returns or rejects."""
        scan = self._records(rejects_strays=True)
        own = OwnParts[Iterator[tuple[int, bytes]]](self.file.share, scan.scanned, self.lines_before)
        lines = (
            line
            for is_own, part in own.marked(scan.numbered(decoded(self.file)))
            # Parts of other hosts are read too, since line numbers follow from them.
            for line, record in part
            if is_own and (record or self.keeps_blank)
        )
        return itertools.islice(lines, self.own_lines_before, None)

    @property
    def keeps_blank(self) -> bool:
        """Whether DuckDB returns blank lines as rows, since each line has one value."""
        return self.file.format == "jsonl" or len(self.layout.names) == 1

    @property
    def lines_before(self) -> int:
        """Number of records before the first row: the header, and `sep=;`."""
        return self.layout.lines_before

    @property
    def own_lines_before(self) -> int:
        """`lines_before`, or 0 where another host reads them."""
        return self.lines_before if self.file.share.has_header else 0

    def expected_rows(self) -> int:
        """Number of rows, without blank ones, that DuckDB must return or reject; once `blocks` is read to its end."""
        blank = self.scanned.blank if self.keeps_blank and self.file.format != "jsonl" else 0
        return max(self.scanned.records + blank - self.own_lines_before, 0)

    def line(self, own: int) -> int:
        """The number in the file of line number `own` of what `blocks` has yielded, both from 1."""
        return own if self.own is None else self.own.line(own)


def split_lines(content: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of `content`, without their ends."""
    rest = b""
    for block in content:
        *whole, rest = (rest + block).split(b"\n")
        yield from whole
    if rest:
        yield rest


def decoded(file: SourceFile) -> Iterator[bytes]:
    """The content of `file` in UTF-8 without a byte order mark, with a JSON document as lines.

    Raises:
        UserError: the file is damaged, or its bytes are not of its encoding.
    """
    if file.compression == TEXTS:
        yield from documents(file.path)
        return
    found = layout(file)
    with decompressed(file) as stream:
        content = recoded(blocks(stream), found.dialect.encoding, file.name)
        if found.is_document:
            content = Document(content, file.name).lines()
        yield from with_lf(content) if found.ends_with_cr else content


def recoded(content: Iterable[bytes], encoding: str, name: str) -> Iterator[bytes]:
    """`content` in UTF-8 without a byte order mark; in UTF-8 itself invalid bytes stay, so that their row is rejected.

    Raises:
        UserError: bytes are not of the encoding.
    """
    if encoding == UTF8:
        yield from without_mark(content)
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    size = 0
    try:
        for block in content:
            yield decoder.decode(block).removeprefix("\ufeff" if size == 0 else "").encode(UTF8)
            size += len(block)
        yield decoder.decode(b"", final=True).encode(UTF8)
    except UnicodeError as error:
        place = f" after byte {size:,}" if isinstance(error, UnicodeDecodeError) else ""
        raise UserError(f"input file {name} is not {encoding}{place}; expected another --encoding") from None
