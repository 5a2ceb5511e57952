"""Splits a batch into micro-batches of rows of similar length, by tokens_per_batch."""

from __future__ import annotations

from collections.abc import Iterator

import torch

Batch = dict[str, torch.Tensor]


def split(batch: Batch, tokens: int, multiple: int) -> Iterator[Batch]:
    """The rows of `batch`, the longest first, in micro-batches padded no further than their own longest row.

    Their gradients add up to the gradient of `batch`, for the loss is a sum over rows.

    Args:
        batch: (rows, width) input_ids, attention_mask and token_type_ids, padded at the right; labels, a row each.
        tokens: most cells (rows times width) of a micro-batch; a row that is longer goes alone. 0: `batch` as it is.
        multiple: widths are rounded up to a multiple of it, but never beyond that of `batch`.
    """
    if not tokens:
        # As it is: a selection of its rows would no longer lie in pinned memory.
        yield batch
        return
    ends = lengths(batch["attention_mask"])
    widest = batch["attention_mask"].shape[1]
    order = torch.argsort(ends, descending=True, stable=True)
    start = 0
    while start < len(order):
        width = min(-(-int(ends[order[start]]) // multiple) * multiple, widest)
        rows = max(tokens // width, 1)
        yield take(batch, order[start : start + rows], width)
        start += rows


def lengths(mask: torch.Tensor) -> torch.Tensor:
    """(rows,) int64, the place after the last token of each row; 1 at least."""
    places = torch.arange(1, mask.shape[1] + 1)
    return (mask * places).amax(1).clamp(min=1)


def take(batch: Batch, rows: torch.Tensor, width: int) -> Batch:
    """`rows` of `batch`, columns cut to `width`."""
    return {name: part[rows] if name == "labels" else part[rows, :width] for name, part in batch.items()}


def on_device(batch: Batch, device: torch.device) -> Batch:
    """`batch` on `device`. A copy from pinned memory does not wait for what the GPU still computes, others do."""
    if device.type == "cpu":
        return batch
    return {name: part.to(device, non_blocking=part.is_pinned()) for name, part in batch.items()}
