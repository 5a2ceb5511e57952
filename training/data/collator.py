"""PaddingCollator: rows of different lengths to one padded batch of tensors; settings of the loaders that use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import TrainingArguments

from contract.processes import end_with_parent


def unpadded(row: Mapping[str, Any], column: str = "input_ids") -> list[int]:
    """The ids of a row without the padding, on either side, that it was stored with and inference does not have."""
    ids: list[int] = row[column]
    if row.get("attention_mask") is None:
        return ids
    return [token for token, real in zip(ids, row["attention_mask"], strict=True) if real]


def padded(rows: Sequence[Sequence[int]], width: int, value: int) -> torch.Tensor:
    """(rows, width) int64, each row filled up at the right with `value`."""
    batch = torch.full((len(rows), width), value, dtype=torch.int64)
    for place, row in enumerate(rows):
        batch[place, : len(row)] = torch.as_tensor(row)
    return batch


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
        """One batch from rows with `input_ids`, `labels`, and `attention_mask` and `token_type_ids` where stored.

        Returns:
            input_ids, attention_mask, and token_type_ids where stored, (batch, width) int64;
            labels (batch,) int64, or for floating labels (batch,) or (batch, labels) float32.
        """
        tokens = [unpadded(row) for row in rows]
        width = self.width(max(map(len, tokens)))
        labels = torch.tensor([row["labels"] for row in rows])
        batch = {
            "input_ids": padded(tokens, width, self.pad_id),
            "attention_mask": padded([[1] * len(row) for row in tokens], width, 0),
            "labels": labels.float() if labels.is_floating_point() else labels.long(),
        }
        if "token_type_ids" in rows[0]:
            batch["token_type_ids"] = padded([unpadded(row, "token_type_ids") for row in rows], width, 0)
        return batch

    def width(self, length: int) -> int:
        """`length` rounded up to a multiple, but not beyond the model's last position."""
        rounded = -(-length // self.multiple) * self.multiple
        return max(length, min(rounded, self.longest or rounded))


def loader_settings(args: TrainingArguments, collator: Any) -> dict[str, Any]:
    """Arguments of every DataLoader: its workers, which end with their rank also where that is killed, and memory."""
    return {
        "collate_fn": collator,
        "num_workers": args.dataloader_num_workers,
        "pin_memory": args.dataloader_pin_memory,
        "prefetch_factor": args.dataloader_prefetch_factor,
        "worker_init_fn": end_with_parent,
    }
