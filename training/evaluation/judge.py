"""Judge: Trainer's compute_metrics, which keeps the predictions of the last evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from contract.card import SINGLE_LABEL
from training.evaluation.predictions import Predictions, scores_of
from training.evaluation.scores import compute
from training.model.loss import StepLoss


class Judge:
    """Trainer's compute_metrics, which keeps the last predictions.

    Args:
        loss: of logits and labels. Trainer's own mean over ranks counts the rows twice that fill up the last batch.
        problem_type: as in contract.card.
    """

    def __init__(self, loss: StepLoss, problem_type: str = SINGLE_LABEL) -> None:
        self.loss, self.problem_type = loss, problem_type
        self.last: Predictions | None = None

    def __call__(self, prediction: Any) -> dict[str, float]:
        """The loss and scores of a transformers.EvalPrediction with logits (rows, classes) and labels."""
        logits = prediction.predictions[0] if isinstance(prediction.predictions, tuple) else prediction.predictions
        labels = prediction.label_ids
        labels = labels.astype(np.int64) if self.problem_type == SINGLE_LABEL else labels.astype(np.float32)
        self.last = Predictions(labels, scores_of(logits.astype(np.float64), self.problem_type), self.problem_type)
        loss = float(self.loss({"logits": torch.from_numpy(logits)}, torch.from_numpy(labels), None))
        # Of logits that are NaN there are no scores, and the loss alone ends the training.
        return {"loss": loss, **(compute(self.last) if np.isfinite(logits).all() else {})}

    def take(self) -> Predictions:
        """The predictions of the evaluation that has just ended."""
        if self.last is None:
            raise RuntimeError("nothing was evaluated yet")
        return self.last
