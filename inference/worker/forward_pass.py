"""The forward pass: pads rows to tensors, chooses the padding token, retries a failed pass with halves of its rows."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from itertools import chain, count
from typing import NoReturn

import torch

from contract.failures import EXIT_BUG, first_line
from contract.positions import text_part
from inference.worker.loading import LoadedModel
from inference.worker.tokenization import Encoded

log = logging.getLogger(__name__)

# Errors of CUDA after which the process can go on.
HARMLESS = ("out of memory", "ALLOC_FAILED", "no kernel image")


class ForwardPass:
    """The forward pass of a loaded model."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded
        self._pad_id = loaded.pad_id or 0

    def choose_padding(self, rows: Sequence[Encoded]) -> None:
        """Choose the padding token: the model's, or if its configuration has none, one that ends none of `rows`.

        Classification heads of decoders (transformers' GenericForSequenceClassification, GPT-2's) use the last token
        of a row that is not config.pad_token_id; without a pad_token_id they refuse several rows.
        """
        if self._loaded.pad_id is not None:
            return
        last = {row.ids[-1] for row in rows}
        preferred = self._loaded.tokenizer.pad_id
        self._pad_id = next(i for i in chain([] if preferred is None else [preferred], count()) if i not in last)
        text_part(self._loaded.model.config).pad_token_id = self._pad_id

    def __call__(self, rows: Sequence[Encoded]) -> torch.Tensor:
        """Logits of shape [len(rows), labels], float32, on the CPU.

        If the model fails on several rows (BART and T5 need the same number of </s> in each row), each half is tried,
        down to single rows. The exception for a single row is raised.
        """
        try:
            return self.once(rows)
        except Exception as error:
            if is_lost_device(error):
                leave(error)
            if len(rows) == 1:
                raise
            problem = type(error).__name__
        # Outside the except block, so that the exception and the tensors that its traceback holds are freed.
        log.warning("a forward pass of %d texts failed (%s), retrying its halves", len(rows), problem)
        middle = len(rows) // 2
        return torch.cat([self(rows[:middle]), self(rows[middle:])])

    @torch.inference_mode()
    def once(self, rows: Sequence[Encoded]) -> torch.Tensor:
        """The same without retries: one forward pass with all rows."""
        longest, left = max(map(len, rows)), self._loaded.pads_left
        inputs = {"input_ids": pad([row.ids for row in rows], longest, self._pad_id, left)}
        if "attention_mask" in self._loaded.inputs:
            inputs["attention_mask"] = pad([[1] * len(row) for row in rows], longest, 0, left)
        if "token_type_ids" in self._loaded.inputs:
            inputs["token_type_ids"] = pad([row.types for row in rows], longest, 0, left)
        device = self._loaded.device.device
        output = self._loaded.model(**{name: tensor.to(device) for name, tensor in inputs.items()})
        return output.logits.float().cpu()


def is_lost_device(error: Exception) -> bool:
    """Whether CUDA refuses everything else in this process after `error`, as after an illegal memory access."""
    text = str(error)
    return "CUDA error" in text and not any(mark in text for mark in HARMLESS)


def leave(error: Exception) -> NoReturn:
    """End this worker process, so that multi-model-server starts another one in its place."""
    log.error("the GPU can no longer be used by this worker, which ends: %s", first_line(error))
    logging.shutdown()
    os._exit(EXIT_BUG)


def pad(rows: Sequence[list[int]], longest: int, value: int, left: bool) -> torch.Tensor:
    """Pad rows to an int64 tensor [len(rows), longest] with `value`, on the left if `left`, else on the right."""
    filled = [[value] * (longest - len(row)) for row in rows]
    return torch.tensor([fill + row if left else row + fill for fill, row in zip(filled, rows, strict=True)])
