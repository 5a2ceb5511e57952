"""The forward pass: rows padded to one tensor, the padding token; a pass that fails is retried in halves."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import chain, count

import torch

from contract.positions import text_part
from inference.worker.loading import LoadedModel
from inference.worker.tokenization import Encoded

log = logging.getLogger(__name__)


class ForwardPass:
    """The forward pass of a loaded model."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded
        self._pad_id = loaded.pad_id or 0

    def choose_padding(self, rows: Sequence[Encoded]) -> None:
        """Pad with the model's own token; where its configuration names none, with one that ends none of `rows`.

        Classification heads of decoders (transformers' GenericForSequenceClassification, GPT-2's) read the last token
        of a row that is not config.pad_token_id; without one they read the last token, and refuse several rows.
        """
        if self._loaded.pad_id is not None:
            return
        last = {row.ids[-1] for row in rows}
        named = self._loaded.tokenizer.pad_id
        self._pad_id = next(i for i in chain([] if named is None else [named], count()) if i not in last)
        text_part(self._loaded.model.config).pad_token_id = self._pad_id

    def __call__(self, rows: Sequence[Encoded]) -> torch.Tensor:
        """Logits of shape [len(rows), labels], float32, on the CPU.

        Where rows cannot go together (BART and T5 want equally many </s> in each), halves of them do, down to single
        rows. What the model raises for a single row is raised.
        """
        try:
            return self.once(rows)
        except Exception as error:
            if len(rows) == 1:
                raise
            problem = type(error).__name__
        # Only now that the exception is gone, and with it the tensors that its traceback holds.
        log.warning("a forward pass of %d texts failed (%s), trying its halves", len(rows), problem)
        middle = len(rows) // 2
        return torch.cat([self(rows[:middle]), self(rows[middle:])])

    @torch.inference_mode()
    def once(self, rows: Sequence[Encoded]) -> torch.Tensor:
        """The same, all rows together or not at all."""
        longest, left = max(map(len, rows)), self._loaded.pads_left
        inputs = {"input_ids": pad([row.ids for row in rows], longest, self._pad_id, left)}
        if "attention_mask" in self._loaded.inputs:
            inputs["attention_mask"] = pad([[1] * len(row) for row in rows], longest, 0, left)
        if "token_type_ids" in self._loaded.inputs:
            inputs["token_type_ids"] = pad([row.types for row in rows], longest, 0, left)
        device = self._loaded.device.device
        output = self._loaded.model(**{name: tensor.to(device) for name, tensor in inputs.items()})
        return output.logits.float().cpu()


def pad(rows: Sequence[list[int]], longest: int, value: int, left: bool) -> torch.Tensor:
    """`rows` as an int64 tensor [len(rows), longest]."""
    filled = [[value] * (longest - len(row)) for row in rows]
    return torch.tensor([fill + row if left else row + fill for fill, row in zip(filled, rows, strict=True)])
