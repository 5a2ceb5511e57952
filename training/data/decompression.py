"""Opens files of raw text as streams of bytes: plain, gzip, zstd, bz2 and xz, by the end of their names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from contract.decompression import COMPRESSIONS, DAMAGED, described, stream
from contract.failures import UserError


def form(file: Path) -> str:
    """The suffix of what `file` holds: .csv of reviews.csv.gz."""
    return Path(file.stem if file.suffix.lower() in COMPRESSIONS else file.name).suffix.lower()


@contextmanager
def opened(file: Path) -> Iterator[BinaryIO]:
    """The decompressed bytes of `file`.

    Raises:
        UserError: the file is damaged; also while it is read.
    """
    compression = COMPRESSIONS.get(file.suffix.lower(), "")
    try:
        with file.open("rb") as raw:
            yield stream(raw, compression)
    except DAMAGED as error:
        raise UserError(f"file {file.name} cannot be read: {described(error, compression)}") from None
