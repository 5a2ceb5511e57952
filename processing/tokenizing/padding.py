"""Pads rows to max_length with attention_mask (--padding max_length); finds the id of the padding token."""

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
from processing.tokenizing.tokens import Tokens, ragged_range

# Files next to tokenizer.json that may name the padding token, in the order in which they are read.
CONFIGS = ("tokenizer_config.json", "special_tokens_map.json")
NAMES = ("[PAD]", "<pad>", "<|padding|>")


def pad_id(path: Path) -> int:
    """Id of the padding token of the tokenizer.json `path`: from the file, its configuration, or a common name.

    Raises:
        UserError: the tokenizer has no padding token.
    """
    content = read(path)
    ids = {token["content"]: int(token["id"]) for token in content.get("added_tokens") or ()}
    if content.get("padding"):
        return int(content["padding"]["pad_id"])
    for name in (*filter(None, (configured(path.parent / config) for config in CONFIGS)), *NAMES):
        if name in ids:
            return ids[name]
    raise UserError(f"option --padding is max_length, expected none: tokenizer {path} has no padding token")


def configured(path: Path) -> str | None:
    """pad_token of a tokenizer's configuration file, which has it as a string or as an object with `content`."""
    try:
        token: Any = json.loads(path.read_bytes()).get("pad_token")
    except (OSError, ValueError, AttributeError):
        return None
    return token.get("content") if isinstance(token, dict) else token


def padded(tokens: Tokens, width: int, token: int) -> list[pa.ListArray]:
    """The columns of tokens, each row padded to `width`.

    They are input_ids (int32), token_type_ids (int8, 0 for padding) where there are any, and attention_mask (int8; 1
    for a token, 0 for padding).
    """
    rows = len(tokens.lengths)
    positions = np.repeat(np.arange(rows, dtype=np.int64) * width, tokens.lengths) + ragged_range(tokens.lengths)
    ids: NDArray[np.int32] = np.full(rows * width, token, np.int32)
    ids[positions] = tokens.ids
    columns: list[NDArray[Any]] = [ids]
    for values in (*(() if tokens.types is None else (tokens.types,)), np.int8(1)):
        columns.append(np.zeros(rows * width, np.int8))
        columns[-1][positions] = values
    offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(width)
    return [lists(column, offsets) for column in columns]


def lists(values: NDArray[Any], offsets: NDArray[np.int32]) -> pa.ListArray:
    """An Arrow list array of flat `values`, with `offsets` (int32, one more than rows)."""
    return pa.ListArray.from_arrays(cast(pa.Int32Array, to_arrow(offsets)), to_arrow(values))
