"""Streams of decompressed bytes of gzip, zstd, bz2 and xz files, and in words what is wrong with a damaged one."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from typing import BinaryIO, cast

import pyarrow as pa

# Names of compressions by the last suffix of a file's name.
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".xz": "xz"}
# What the libraries raise for a damaged file.
DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError)
# Bytes of a file that are decompressed together.
BLOCK_BYTES = 256 * 1024
# Zeros may follow a stream of xz, in multiples of this number (the .xz file format, section 2.2).
XZ_PADDING = 4


class Streams(io.RawIOBase):
    """The bytes of a file of one or more compressed streams, as pbzip2 and `cat a.xz b.xz` write them.

    bz2.open and lzma.open take a damaged second stream for data behind the end of the file, and leave it out.

    Args:
        raw: the file.
        start: makes the decompressor of a stream.
        padding: between streams there may be zeros, in multiples of this number; 0 for none.
    """

    def __init__(
        self, raw: BinaryIO, start: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor], padding: int = 0
    ) -> None:
        self._raw, self._start, self._padding = raw, start, padding
        self._decompressor = start()
        self._input = b""

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        """Decompress into `target`; returns the number of bytes, 0 at the end of the file.

        Raises:
            OSError, EOFError, lzma.LZMAError: a stream is damaged or ends too early, or other data follows one.
        """
        while True:
            if self._decompressor.eof:
                self._input = self._next(self._decompressor.unused_data)
                if not self._input:
                    return 0
                self._decompressor = self._start()
            elif self._decompressor.needs_input:
                self._input = self._raw.read(BLOCK_BYTES)
                if not self._input:
                    raise EOFError("the file ends within a stream")
            found = self._decompressor.decompress(self._input, len(target))
            self._input = b""
            if found:
                target[: len(found)] = found
                return len(found)

    def _next(self, rest: bytes) -> bytes:
        """The start of the next stream, of `rest` and what follows it in the file; empty at the end of the file."""
        zeros, start = 0, b""
        while not start and (rest := rest or self._raw.read(BLOCK_BYTES)):
            start = rest.lstrip(b"\0") if self._padding else rest
            zeros += len(rest) - len(start)
            rest = b""
        if zeros and zeros % self._padding:
            raise EOFError("the zeros behind a stream are not a multiple of its padding")
        return start


def stream(raw: BinaryIO, compression: str) -> BinaryIO:
    """`raw`, decompressed by one of COMPRESSIONS; as it is for another name. Reading to the end verifies checksums."""
    if compression == "gzip":
        return cast(BinaryIO, gzip.GzipFile(fileobj=raw))
    if compression == "zstd":
        # It reads as a RawIOBase does.
        found = pa.CompressedInputStream(pa.PythonFile(cast(io.IOBase, raw), mode="r"), "zstd")
        return cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, found)))
    if compression == "bz2":
        return cast(BinaryIO, io.BufferedReader(Streams(raw, bz2.BZ2Decompressor), BLOCK_BYTES))
    if compression == "xz":
        return cast(BinaryIO, io.BufferedReader(Streams(raw, lzma.LZMADecompressor, XZ_PADDING), BLOCK_BYTES))
    return raw


def described(error: Exception, compression: str) -> str:
    """What is wrong with a file, without anything of its content; `error` is one of DAMAGED."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.strerror or type(error).__name__
    return f"its {compression} data is damaged, or ends too early"
