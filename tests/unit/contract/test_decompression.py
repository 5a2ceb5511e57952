"""Compressed content comes back whole, and damage is told from errors of the system."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable

import pyarrow as pa
import pytest

from contract.decompression import COMPRESSIONS, DAMAGED, described, stream

CONTENT = b"".join(b"%d,text\n" % number for number in range(30_000))


def zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as file:
        file.write(content)
    return bytes(sink.getvalue().to_pybytes())


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstd,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


def test_every_compression_is_tried() -> None:
    assert set(COMPRESS) == set(COMPRESSIONS.values())


@pytest.mark.parametrize("name", [*COMPRESS, "none"])
def test_content_comes_back(name: str) -> None:
    compressed = COMPRESS.get(name, bytes)(CONTENT)
    assert (compressed == CONTENT) is (name == "none")
    assert stream(io.BytesIO(compressed), name).read() == CONTENT


@pytest.mark.parametrize("name", COMPRESS)
@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: b"no" + data[2:]])
def test_damage_is_said(name: str, damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(DAMAGED) as caught:
        stream(io.BytesIO(damage(COMPRESS[name](CONTENT))), name).read()
    assert described(caught.value, name) == f"its {name} data is damaged, or ends too early"


ZEROS = b"\0"


@pytest.mark.parametrize("name", COMPRESS)
def test_streams_one_after_another_are_read_whole(name: str) -> None:
    parts = [CONTENT[start : start + 50_000] for start in range(0, len(CONTENT), 50_000)]
    joined = b"".join(map(COMPRESS[name], parts))
    assert len(parts) > 5
    assert stream(io.BytesIO(joined), name).read() == CONTENT


@pytest.mark.parametrize("name", COMPRESS)
def test_damage_in_a_later_stream_is_never_taken_for_the_end(name: str) -> None:
    streams = [COMPRESS[name](CONTENT[:30_000]), COMPRESS[name](CONTENT[30_000:])]
    start, refused = len(streams[0]), 0
    for place in (0, 1, 3, 5, 8, 20, len(streams[1]) // 2, len(streams[1]) - 6):
        damaged = bytearray(b"".join(streams))
        damaged[start + place] ^= 4
        try:
            assert stream(io.BytesIO(damaged), name).read() == CONTENT
        except DAMAGED:
            refused += 1
    assert refused >= 5


@pytest.mark.parametrize(
    ("name", "behind"),
    [("bz2", b"other data"), ("xz", b"other data"), ("xz", ZEROS * 3), ("xz", ZEROS * 8 + b"x"), ("bz2", ZEROS * 4)],
)
def test_other_data_behind_a_stream_is_refused(name: str, behind: bytes) -> None:
    with pytest.raises(DAMAGED):
        stream(io.BytesIO(COMPRESS[name](CONTENT) + behind), name).read()


def test_zeros_between_and_behind_streams_of_xz_are_padding() -> None:
    padded = lzma.compress(CONTENT) + ZEROS * 300_000 + lzma.compress(b"more") + ZEROS * 4
    assert stream(io.BytesIO(padded), "xz").read() == CONTENT + b"more"


@pytest.mark.parametrize("name", ["bz2", "xz"])
def test_a_file_without_a_stream_is_refused(name: str) -> None:
    with pytest.raises(DAMAGED):
        stream(io.BytesIO(b""), name).read()


def test_an_error_of_the_system_keeps_its_own_words() -> None:
    assert described(OSError(5, "Input/output error"), "gzip") == "Input/output error"
