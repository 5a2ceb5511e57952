"""Opens input files as streams of bytes: gzip, zstd, bz2, xz and zip, each with its checksum verified."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from contract import decompression
from contract.failures import UserError

if TYPE_CHECKING:
    from processing.reading.source import SourceFile

# What the libraries raise for a damaged or encrypted file.
DAMAGED = (*decompression.DAMAGED, zipfile.BadZipFile, RuntimeError, NotImplementedError)
FIRST_BLOCK_BYTES, BLOCK_BYTES = 64 * 1024, 1024 * 1024
# What a JSON file without rows is, beside one without bytes.
EMPTY, MOST_EMPTY_BYTES = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\[\s*\]\s*)?"), 64
# Largest size of such a file that is compressed: gzip and zip store its name.
MOST_EMPTY_COMPRESSED = 1024


@contextmanager
def decompressed(file: SourceFile) -> Iterator[BinaryIO]:
    """Open `file` as a stream of its decompressed bytes; reading to the end verifies the checksums.

    Raises:
        UserError: the file is damaged, encrypted, or an archive of more than one file; also while it is read.
    """
    try:
        with opened(file.path, file.compression) as stream:
            yield stream
    except DAMAGED as error:
        raise UserError(f"input file {file.name} cannot be read: {described(error, file.compression)}") from None


@contextmanager
def opened(path: Path, compression: str) -> Iterator[BinaryIO]:
    """Open `path` as `decompressed` does, without naming errors."""
    # A buffer would only cost time: the content is read in blocks.
    with path.open("rb", buffering=0 if compression == "none" else -1) as raw:
        if compression == "zip":
            with ExitStack() as stack:
                try:
                    archive = stack.enter_context(zipfile.ZipFile(raw))
                    member = stack.enter_context(archive.open(only_member(archive)))
                except UnicodeDecodeError:
                    # A name is not in the encoding that the archive says.
                    raise zipfile.BadZipFile from None
                yield member  # type: ignore[misc]  # It has the methods of BinaryIO.
        else:
            yield decompression.stream(raw, compression)


def is_empty(file: SourceFile) -> bool:
    """Whether a file has no bytes, or is a JSON array without elements; as it is or decompressed."""
    is_plain = file.compression == "none"
    if not file.size:
        return True
    if file.is_typed or file.size > (MOST_EMPTY_BYTES if is_plain else MOST_EMPTY_COMPRESSED):
        return False
    try:
        with opened(file.path, file.compression) as stream:
            content = read_up_to(stream, MOST_EMPTY_BYTES + 1)
    except DAMAGED:
        # Reading it says what is wrong.
        return False
    return not content or (file.format == "jsonl" and bool(EMPTY.fullmatch(content)))


def read_up_to(stream: BinaryIO, size: int) -> bytes:
    """The next `size` bytes of `stream`, or all that are left: a system may return fewer at a time."""
    content = stream.read(size)
    while len(content) < size and (more := stream.read(size - len(content))):
        content += more
    return content


def only_member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """The one file of a zip archive; folders and macOS' own files do not count.

    Raises:
        EOFError: it has none, or several, or is behind another archive, whose files would not be read.
    """
    members = [
        member for member in archive.infolist() if not member.is_dir() and not member.filename.startswith("__MACOSX/")
    ]
    if len(members) != 1:
        raise EOFError(f"the archive has {len(members)} files, expected one")
    if min(member.header_offset for member in archive.infolist()):
        raise EOFError("other data lies before the archive, expected one archive")
    return members[0]


def member_suffixes(path: Path) -> list[str]:
    """The suffixes of the one file in a zip archive; none if the archive cannot be read or has several files."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [suffix.lower() for suffix in Path(only_member(archive).filename).suffixes]
    except (*DAMAGED, UnicodeDecodeError):
        return []


def described(error: Exception, compression: str) -> str:
    """What is wrong with a file, without anything of its content."""
    if isinstance(error, EOFError) and compression == "zip":
        return str(error)
    if isinstance(error, (RuntimeError, NotImplementedError)):
        return "the archive is encrypted, or compressed by a method that is not supported"
    return decompression.described(error, compression)


def blocks(stream: BinaryIO, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """The bytes of `stream` in blocks of at most `size`; the first ones are smaller."""
    for own in block_sizes(size):
        block = stream.read(own)
        if not block:
            return
        yield block


def block_sizes(size: int = BLOCK_BYTES) -> Iterator[int]:
    """The sizes of the blocks of a file, without end.

    A block is allocated before it is read, which takes longer than to read a small file.
    """
    own = min(FIRST_BLOCK_BYTES, size)
    while True:
        yield own
        own = min(2 * own, size)
