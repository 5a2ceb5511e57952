"""Digests of a channel's rows and of the base model's files, which bind a checkpoint to both."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import xxhash

from contract.files import sha256


def row_digests(ids: pa.ChunkedArray, seed: int) -> np.ndarray:
    """A fraction in [0, 1) for each row of token ids, (rows,) float64: MD5 of seed and ids over 2^64."""
    digests: np.ndarray = np.empty(len(ids), dtype=np.uint64)
    prefix = hashlib.md5(str(seed).encode(), usedforsecurity=False)
    row = 0
    for values, offsets in chunks(ids):
        for start, end in itertools.pairwise(offsets):
            digest = prefix.copy()
            digest.update(values[start:end].tobytes())
            digests[row] = int.from_bytes(digest.digest()[:8], "big")
            row += 1
    return digests / 2.0**64


def chunks(lists: pa.ChunkedArray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each chunk of a list column the numbers, int64, and the place in them where each row begins and the last ends.

    The places need not begin at 0: a slice shares its numbers with what it is a slice of.
    """
    return [
        (chunk.values.to_numpy(zero_copy_only=False).astype("<i8"), chunk.offsets.to_numpy())
        for chunk in (plain_lists(chunk) for chunk in lists.chunks)
    ]


def plain_lists(chunk: pa.Array) -> pa.ListArray:
    """`chunk` as a variable-size list, which alone has offsets."""
    if pa.types.is_fixed_size_list(chunk.type):
        return cast(pa.ListArray, chunk.cast(pa.list_(chunk.type.value_type)))
    return cast(pa.ListArray, chunk)


def of_rows(ids: pa.ChunkedArray, lengths: np.ndarray, labels: np.ndarray, types: pa.ChunkedArray | None = None) -> str:
    """XXH3-128 of the token ids, and of the lengths and labels of the rows in their order, whatever the chunks are.

    Not SHA-256: it reads all of the data at every start, and nobody forges a training set to get a checkpoint used.

    Args:
        ids: list of whole numbers, all rows of the channel's files.
        lengths: (rows,) int64, of the rows used.
        labels: by problem type, as training.data.labels has them.
        types: token_type_ids, as `ids`, where the rows have them.
    """
    digest = xxhash.xxh3_128()
    for lists in (ids,) if types is None else (ids, types):
        for values, offsets in chunks(lists):
            digest.update(np.ascontiguousarray(values[offsets[0] : offsets[-1]]).data)
    for column in (lengths, labels):
        kind = "<f4" if np.issubdtype(column.dtype, np.floating) else "<i8"
        digest.update(np.ascontiguousarray(column, dtype=kind).data)
    return digest.hexdigest()


def of_model(config: Mapping[str, Any], weights: Sequence[Path]) -> str:
    """SHA-256 of a model's configuration, without what says where it came from, and of its weight files.

    Args:
        config: as PreTrainedConfig.to_dict gives it, and whatever else makes a model.
        weights: files in a stated order; none where training starts from scratch.
    """
    kept = {key: value for key, value in config.items() if not key.startswith("_") and key != "transformers_version"}
    content = [json.dumps(kept, sort_keys=True, default=str), *(sha256(file) for file in weights)]
    return hashlib.sha256("\n".join(content).encode()).hexdigest()
