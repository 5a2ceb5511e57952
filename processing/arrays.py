"""Zero-copy conversion between Arrow arrays and numpy, and selection of rows.

pyarrow's own conversions import pandas, which costs more than many a job.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def to_arrow(values: NDArray[Any]) -> pa.Array:
    """`values` (one-dimensional, a fixed-width number type) as an Arrow array without nulls."""
    data = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(data.dtype), len(data), [None, pa.py_buffer(data.data)])


def to_texts(texts: Sequence[str]) -> pa.Array:
    """`texts` as an Arrow array of large_string without nulls."""
    encoded = [text.encode() for text in texts]
    lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    buffers = [None, pa.py_buffer(offsets.data), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.large_string(), len(encoded), buffers)


def text_bytes(texts: pa.Array) -> tuple[NDArray[np.integer], NDArray[np.uint8]]:
    """Where each of `texts` (string or large_string without nulls) ends, and the UTF-8 of all, one after another."""
    _, offset_data, text_data = texts.buffers()
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    offsets = buffer_values(offset_data, width)[texts.offset : texts.offset + len(texts) + 1]
    content = buffer_values(text_data, np.uint8)
    return offsets[1:] - offsets[0], content[offsets[0] : offsets[-1]]


def to_numpy(array: pa.Array, dtype: type[np.generic]) -> NDArray[Any]:
    """The values of `array`, of fixed width and numpy type `dtype`; what a null holds is undefined."""
    data = buffer_values(array.buffers()[1], dtype)
    return data[array.offset : array.offset + len(array)]


def buffer_values(buffer: pa.Buffer | None, dtype: type[np.generic]) -> NDArray[Any]:
    """The content of `buffer` as `dtype`; none has no values."""
    # pyarrow's types do not say that a Buffer has Python's buffer protocol.
    return np.frombuffer(buffer or b"", dtype)  # type: ignore[arg-type]


def to_list(array: pa.Array) -> list[Any]:
    """The values of `array` as Python objects, None for a null."""
    return array.to_pylist()


def take(batch: pa.RecordBatch, wanted: NDArray[np.bool_]) -> pa.RecordBatch:
    """The rows of `batch` where `wanted` is true."""
    return batch if wanted.all() else batch.take(to_arrow(np.flatnonzero(wanted)))
