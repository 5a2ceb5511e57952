"""Compressed input files, whole and damaged."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from contract.failures import UserError
from processing.reading.decompression import blocks, decompressed, member_suffixes, read_up_to
from processing.reading.source import SourceFile

Write = Callable[[str, str | bytes], Path]
CONTENT = b"".join(b"%d\ta line of some text\n" % random.Random(1).randrange(9999) for _ in range(2000))


def zipped(*names: str, content: bytes = CONTENT) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return buffer.getvalue()


PACKED = {
    "gzip": gzip.compress(CONTENT, mtime=0),
    "zstd": bytes(pa.compress(CONTENT, "zstd", asbytes=True)),
    "bz2": bz2.compress(CONTENT),
    "xz": lzma.compress(CONTENT),
    "zip": zipped("rows.csv", "__MACOSX/._rows.csv"),
}


def read(write: Write, content: bytes, compression: str) -> bytes:
    with decompressed(SourceFile(write("a", content), "a", "csv", compression)) as stream:
        return b"".join(blocks(stream, 1000))


@pytest.mark.parametrize("compression", PACKED)
def test_content_is_decompressed(written: Write, compression: str) -> None:
    assert read(written, PACKED[compression], compression) == CONTENT


def test_gzip_files_may_be_joined(written: Write) -> None:
    assert read(written, PACKED["gzip"] * 2 + b"\0" * 100, "gzip") == CONTENT * 2


@pytest.mark.parametrize("compression", PACKED)
def test_a_truncated_file_is_refused(written: Write, compression: str) -> None:
    packed = PACKED[compression]
    with pytest.raises(UserError, match="^input file a cannot be read: "):
        read(written, packed[: len(packed) // 2], compression)


@pytest.mark.parametrize("compression", ["gzip", "bz2", "xz", "zip"])
def test_a_flipped_bit_never_gives_other_content(written: Write, compression: str) -> None:
    pick, refused = random.Random(2), 0
    for _ in range(60):
        packed = bytearray(PACKED[compression])
        packed[pick.randrange(len(packed))] ^= 1 << pick.randrange(8)
        try:
            assert read(written, bytes(packed), compression) == CONTENT
        except UserError as error:
            assert str(error).startswith("input file a cannot be read: ")
            assert "\n" not in str(error)
            refused += 1
    assert refused > 20


def test_an_archive_behind_another_is_refused(written: Write) -> None:
    with pytest.raises(UserError, match="cannot be read: other data lies before the archive, expected one archive$"):
        read(written, zipped("a.csv") + zipped("a.csv"), "zip")


def test_an_archive_of_several_files_is_refused(written: Write) -> None:
    with pytest.raises(UserError, match="cannot be read: the archive has 2 files, expected one$"):
        read(written, zipped("a.csv", "b.csv"), "zip")


@pytest.mark.parametrize("places", [("local",), ("local", "central")])
def test_an_archive_whose_name_is_not_as_it_says_is_damaged(written: Write, places: tuple[str, ...]) -> None:
    packed = bytearray(zipped("a.csv"))
    # The flags (APPNOTE 4.4.4, of which 0x0800 says UTF-8) and the name in each of the two headers.
    headers = {"local": (0, 6, 30), "central": (packed.index(b"PK\x01\x02"), 8, 46)}
    for place in places:
        header, flags, name = headers[place]
        packed[header + flags + 1] |= 0x08
        packed[header + name] = 0xFF
    with pytest.raises(UserError, match="cannot be read: its zip data is damaged, or ends too early$"):
        read(written, bytes(packed), "zip")
    assert member_suffixes(written("b.zip", bytes(packed))) == ([".csv"] if places == ("local",) else [])


class Slow(io.BytesIO):
    """Returns three bytes at a time, as some file systems do."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(3 if size is None or size < 0 else min(size, 3))


@pytest.mark.parametrize("size", [0, 1, 3, 8, 10, 11])
def test_a_system_may_return_fewer_bytes_at_a_time(size: int) -> None:
    assert read_up_to(Slow(b"0123456789"), size) == b"0123456789"[:size]
