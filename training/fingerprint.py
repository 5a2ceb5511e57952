"""What data and a model are known by, so that a checkpoint is not continued on others."""

from __future__ import annotations

import hashlib
import itertools
import json
from typing import Any

import numpy as np
import pyarrow as pa


def row_digests(ids: pa.ChunkedArray, seed: int) -> np.ndarray:
    """A fraction in [0, 1) for each row of token ids, (rows,) float64: MD5 of seed and ids over 2^64."""
    digests: np.ndarray = np.empty(len(ids), dtype=np.uint64)
    prefix = hashlib.md5(str(seed).encode(), usedforsecurity=False)
    row = 0
    for chunk in ids.chunks:
        values = chunk.values.to_numpy(zero_copy_only=False).astype("<i8")
        ends = chunk.offsets.to_numpy()
        for start, end in itertools.pairwise(ends):
            digest = prefix.copy()
            digest.update(values[start:end].tobytes())
            digests[row] = int.from_bytes(digest.digest()[:8], "big")
            row += 1
    return digests / 2.0**64


def of_rows(lengths: np.ndarray, labels: np.ndarray) -> str:
    """SHA-256 over the lengths and labels of all rows in their order.

    Enough to tell data sets apart without reading every id.
    """
    digest = hashlib.sha256(np.ascontiguousarray(lengths, dtype="<i8").tobytes())
    digest.update(np.ascontiguousarray(labels, dtype="<i8").tobytes())
    return digest.hexdigest()


def of_config(config: dict[str, Any]) -> str:
    """SHA-256 over a model's configuration, without what says where it came from."""
    kept = {key: value for key, value in config.items() if not key.startswith("_") and key != "transformers_version"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()
