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


def test_an_error_of_the_system_keeps_its_own_words() -> None:
    assert described(OSError(5, "Input/output error"), "gzip") == "Input/output error"
