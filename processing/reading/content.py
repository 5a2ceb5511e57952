"""The content of a text file as DuckDB reads it: decompressed, in UTF-8, with line ends of LF.

A plain file is read by DuckDB itself, after a scan that counts its records. Any other one (compressed, in another
encoding, with mixed line ends, a JSON document, a folder of texts) is passed through a pipe by `stream.py`.
"""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from contract.encodings import UTF8
from contract.failures import UserError
from processing.reading.decompression import blocks, decompressed
from processing.reading.json_values import Document
from processing.reading.layout import Layout, layout
from processing.reading.lines import MixedEndsError, PlainRecords, Scanned, counted_lines, with_lf
from processing.reading.records import QuotedRecords
from processing.reading.shares import OwnParts
from processing.reading.source import TEXTS, SourceFile
from processing.reading.stream import FilePart
from processing.reading.text_folder import documents


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
    own: OwnParts[bytes] | None = None

    @property
    def layout(self) -> Layout:
        """How the file is read."""
        return layout(self.file)

    @property
    def may_be_direct(self) -> bool:
        """Whether DuckDB can read the file itself, if its lines allow it."""
        is_plain = self.file.compression == "none" and self.layout.dialect.encoding == UTF8
        is_plain = is_plain and self.file.share.is_whole and not self.file.has_pattern
        return is_plain and not self.layout.is_document and not self.layout.ends_with_cr

    def blocks(self) -> Iterator[bytes]:
        """The content in blocks of whole or partial lines.

        Raises:
            UserError: the file is damaged, not in its encoding, no JSON, or has a stray quote or other line ends.
        """
        try:
            yield from self._blocks()
        except MixedEndsError:
            line = self.scanned.lines + 1
            raise UserError(
                f"input file {self.file.name} has CR as line ends in line {line}, which is too long to look for them, "
                "and LF before; expected the same line ends in the whole file"
            ) from None

    def _blocks(self) -> Iterator[bytes]:
        records = self._records(self.rejects_strays)
        self.scanned = records.scanned
        content = decoded(self.file)
        if not self.file.share.is_whole:
            self.own = OwnParts(self.file.share, records.scanned, self.lines_before)
            self.scanned = self.own.scanned
            yield from (part for is_own, part in self.own.marked(records.blocks(content)) if is_own)
            return
        yield from self._followed(records.parts(content)) if self.is_followed else records.blocks(content)

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

    def in_group(self) -> Iterator[bytes | FilePart]:
        """The content of a file that others follow: blank lines in place of the header's, and a line end at its end.

        Raises:
            UserError: as `blocks`.
        """
        plain = self.layout.plain
        if plain is None:
            yield from self.blocks()
            return
        self.count_lines()
        yield b"\n" * self.layout.lines_before
        if plain.start < plain.end:
            yield FilePart(self.file.path, self.file.name, plain.start, plain.end)
            if not plain.ends_line:
                yield b"\n"

    def _followed(self, parts: Iterable[list[bytes]]) -> Iterator[bytes]:
        """As `in_group`, from the records of a file that is no plain one."""
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
        return PlainRecords(dialect.delimiter.encode(), columns)

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
        for number, block in enumerate(content):
            yield block.removeprefix(codecs.BOM_UTF8) if number == 0 else block
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
