"""Opens files of raw text as streams of bytes: plain, gzip, zstd, bz2 and xz, by the end of their names."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

from contract.failures import UserError

# Processing takes zip archives too.
COMPRESSIONS = (".gz", ".zst", ".bz2", ".xz")


def form(file: Path) -> str:
    """The suffix of what `file` holds: .csv of reviews.csv.gz."""
    return Path(file.stem if file.suffix.lower() in COMPRESSIONS else file.name).suffix.lower()


@contextmanager
def opened(file: Path) -> Iterator[BinaryIO]:
    """The decompressed bytes of `file`.

    Raises:
        UserError: the file is damaged; also while it is read.
    """
    try:
        with file.open("rb") as raw:
            yield stream(raw, file.suffix.lower())
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        named = error.strerror if isinstance(error, OSError) and error.errno is not None else None
        problem = named or f"its {file.suffix} data is damaged, or ends too early"
        raise UserError(f"file {file.name} cannot be read: {problem}") from None


def stream(raw: BinaryIO, suffix: str) -> BinaryIO:
    """`raw`, decompressed as `suffix` says."""
    if suffix == ".gz":
        return cast(BinaryIO, gzip.GzipFile(fileobj=raw))
    if suffix == ".zst":
        # It reads as a RawIOBase does.
        found = pa.CompressedInputStream(pa.PythonFile(cast(io.IOBase, raw), mode="r"), "zstd")
        return cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, found)))
    if suffix == ".bz2":
        return cast(BinaryIO, bz2.BZ2File(raw))
    return cast(BinaryIO, lzma.open(raw)) if suffix == ".xz" else raw
