"""Streams of decompressed bytes of gzip, zstd, bz2 and xz files, and in words what is wrong with a damaged one."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from typing import BinaryIO, cast

import pyarrow as pa

# Names of compressions by the last suffix of a file's name.
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".xz": "xz"}
# What the libraries raise for a damaged file.
DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError)


def stream(raw: BinaryIO, compression: str) -> BinaryIO:
    """`raw`, decompressed by one of COMPRESSIONS; as it is for another name. Reading to the end verifies checksums."""
    if compression == "gzip":
        return cast(BinaryIO, gzip.GzipFile(fileobj=raw))
    if compression == "zstd":
        # It reads as a RawIOBase does.
        found = pa.CompressedInputStream(pa.PythonFile(cast(io.IOBase, raw), mode="r"), "zstd")
        return cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, found)))
    if compression == "bz2":
        return cast(BinaryIO, bz2.BZ2File(raw))
    return cast(BinaryIO, lzma.open(raw)) if compression == "xz" else raw


def described(error: Exception, compression: str) -> str:
    """What is wrong with a file, without anything of its content; `error` is one of DAMAGED."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.strerror or type(error).__name__
    return f"its {compression} data is damaged, or ends too early"
