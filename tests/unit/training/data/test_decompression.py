import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from contract.failures import UserError
from training.data.decompression import form, opened

CONTENT = b"text,label\ngood,1\n" * 50


def zstd(content: bytes) -> bytes:
    return pa.compress(content, "zstd", asbytes=True)


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "a.csv": bytes,
    "a.csv.gz": gzip.compress,
    "a.csv.zst": zstd,
    "a.CSV.bz2": bz2.compress,
    "a.csv.xz": lzma.compress,
}


@pytest.mark.parametrize("name", COMPRESS)
def test_content_is_decompressed(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(COMPRESS[name](CONTENT))
    assert form(file) == ".csv"
    with opened(file) as stream:
        assert stream.read() == CONTENT


@pytest.mark.parametrize("name", [name for name in COMPRESS if name != "a.csv"])
def test_damage_is_a_sentence(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(COMPRESS[name](CONTENT)[:-9])
    message = f"^file {name} cannot be read: its .* data is damaged, or ends too early"
    with pytest.raises(UserError, match=message), opened(file) as stream:
        stream.read()
