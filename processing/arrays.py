"""Zero-copy conversion between Arrow arrays and numpy arrays, and selection of rows.

pyarrow's own conversions import pandas, which takes longer than many jobs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Values = TypeVar("Values", pa.Array, pa.RecordBatch)


def to_arrow(values: NDArray[Any]) -> pa.Array:
    """Convert a one-dimensional numpy array of numbers to an Arrow array without nulls."""
    data = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(data.dtype), len(data), [None, pa.py_buffer(data.data)])


def to_texts(texts: Sequence[str]) -> pa.Array:
    """Convert strings to an Arrow array of large_string without nulls."""
    encoded = [text.encode() for text in texts]
    lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    buffers = [None, pa.py_buffer(offsets.data), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.large_string(), len(encoded), buffers)


def text_bytes(texts: pa.Array) -> tuple[NDArray[np.integer], NDArray[np.uint8]]:
    """The UTF-8 bytes of all `texts` (string or large_string without nulls), concatenated, and the end of each text.

    Returns:
        The end offsets [texts], and the bytes.
    """
    _, offset_data, text_data = texts.buffers()
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    offsets = buffer_values(offset_data, width)[texts.offset : texts.offset + len(texts) + 1]
    content = buffer_values(text_data, np.uint8)
    return offsets[1:] - offsets[0], content[offsets[0] : offsets[-1]]


def to_numpy(array: pa.Array, dtype: type[np.generic]) -> NDArray[Any]:
    """Convert a fixed-width Arrow array to a numpy array of `dtype`; the values of nulls are undefined."""
    data = buffer_values(array.buffers()[1], dtype)
    return data[array.offset : array.offset + len(array)]


def buffer_values(buffer: pa.Buffer | None, dtype: type[np.generic]) -> NDArray[Any]:
    """The content of `buffer` as `dtype`; none has no values."""
    # pyarrow's types do not say that a Buffer has Python's buffer protocol.
    return np.frombuffer(buffer or b"", dtype)  # type: ignore[arg-type]


def to_list(array: pa.Array) -> list[Any]:
    """The values of `array` as Python objects, None for a null."""
    return array.to_pylist()


def take(values: Values, rows: NDArray[np.integer]) -> Values:
    """The given rows of an Arrow array or record batch, in the given order."""
    # Not values.take(), which imports pyarrow.compute: it wraps some hundred functions with their documentation, which
    # takes a thirtieth of a small job's time.
    from pyarrow._compute import call_function

    rows_of: Values = call_function("take", [values, to_arrow(rows)])
    return rows_of


def list_values(lists: pa.ListArray) -> pa.Array:
    """The values of `lists` without nulls, concatenated."""
    # Not flatten(), which imports pyarrow.compute.
    offsets = buffer_values(lists.buffers()[1], np.int32)[lists.offset : lists.offset + len(lists) + 1]
    return lists.values[int(offsets[0]) : int(offsets[-1])] if len(lists) else lists.values[:0]


def filtered(batch: pa.RecordBatch, mask: NDArray[np.bool_]) -> pa.RecordBatch:
    """The rows of `batch` for which `mask` is true."""
    return batch if mask.all() else take(batch, np.flatnonzero(mask))
