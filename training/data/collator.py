"""PaddingCollator: rows of different lengths to one padded batch of tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch


def unpadded(row: Mapping[str, Any]) -> list[int]:
    """The ids of a row without the padding, on either side, that it was stored with and inference does not have."""
    ids = row["input_ids"]
    if row.get("attention_mask") is None:
        return ids
    return [token for token, real in zip(ids, row["attention_mask"], strict=True) if real]


@dataclass(frozen=True)
class PaddingCollator:
    """Pads a batch to its longest row, rounded up to `multiple`.

    Attributes:
        pad_id: id of the padding token.
        multiple: tensor cores want dimensions that are multiples of 8.
        longest: rows are never padded beyond it (the model's last position).
    """

    pad_id: int
    multiple: int = 8
    longest: int | None = None

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """One batch from rows with `input_ids`, `labels`, and `attention_mask` where stored.

        Returns:
            input_ids (batch, width) int64, attention_mask (batch, width) int64,
            labels (batch,) int64.
        """
        tokens = [unpadded(row) for row in rows]
        shape = (len(rows), self.width(max(map(len, tokens))))
        ids = torch.full(shape, self.pad_id, dtype=torch.int64)
        mask = torch.zeros(shape, dtype=torch.int64)
        for i, row in enumerate(tokens):
            ids[i, : len(row)] = torch.as_tensor(row)
            mask[i, : len(row)] = 1
        labels = torch.tensor([row["labels"] for row in rows], dtype=torch.int64)
        return {"input_ids": ids, "attention_mask": mask, "labels": labels}

    def width(self, length: int) -> int:
        """`length` rounded up to a multiple, but not beyond the model's last position."""
        rounded = -(-length // self.multiple) * self.multiple
        return max(length, min(rounded, self.longest or rounded))
