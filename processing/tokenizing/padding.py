"""Padding to max_length with attention_mask (--padding max_length), and the pad token's id."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from contract.failures import UserError
from contract.tokenizer import read
from processing.arrays import to_arrow
from processing.tokenizing.encoder import Tokens, ragged_range

# Beside tokenizer.json, in the order in which they are asked.
CONFIGS = ("tokenizer_config.json", "special_tokens_map.json")
NAMES = ("[PAD]", "<pad>", "<|padding|>")


def pad_id(path: Path) -> int:
    """The padding token of the tokenizer.json at `path`: its own, its configuration's, or one of a usual name.

    Raises:
        UserError: it has none.
    """
    content = read(path)
    ids = {token["content"]: int(token["id"]) for token in content.get("added_tokens") or ()}
    if content.get("padding"):
        return int(content["padding"]["pad_id"])
    for name in (*filter(None, (configured(path.parent / config) for config in CONFIGS)), *NAMES):
        if name in ids:
            return ids[name]
    raise UserError(f"option --padding is max_length, but tokenizer {path} has no padding token; expected none")


def configured(path: Path) -> str | None:
    """pad_token of a tokenizer's configuration: text, or an object with its content."""
    try:
        found: Any = json.loads(path.read_bytes()).get("pad_token")
    except (OSError, ValueError, AttributeError):
        return None
    return found.get("content") if isinstance(found, dict) else found


def padded(tokens: Tokens, width: int, token: int) -> tuple[pa.ListArray, pa.ListArray]:
    """input_ids (int32) and attention_mask (int8) of `tokens`, each row `width` long; 1 is a token, 0 padding."""
    rows = len(tokens.lengths)
    here = np.repeat(np.arange(rows, dtype=np.int64) * width, tokens.lengths) + ragged_range(tokens.lengths)
    ids: NDArray[np.int32] = np.full(rows * width, token, np.int32)
    ids[here] = tokens.ids
    mask: NDArray[np.int8] = np.zeros(rows * width, np.int8)
    mask[here] = 1
    offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(width)
    return lists(ids, offsets), lists(mask, offsets)


def lists(values: NDArray[Any], offsets: NDArray[np.int32]) -> pa.ListArray:
    """`values` cut into rows at `offsets` (int32, one more than rows)."""
    return pa.ListArray.from_arrays(cast(pa.Int32Array, to_arrow(offsets)), to_arrow(values))
