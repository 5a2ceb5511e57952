"""Answers: labels and scores from logits, by problem type, with the card's thresholds and temperature.

Without these they are what transformers' text-classification pipeline returns.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import torch

from contract.card import MULTI_LABEL, REGRESSION, SINGLE_LABEL, Card
from inference.errors import RequestError, bad_request
from inference.worker.labels import check_problem_type, thresholds
from inference.worker.parameters import Parameters
from inference.worker.request import Request
from inference.worker.responses import Prediction


@dataclass(frozen=True)
class Answers:
    """How a model's logits become answers.

    Attributes:
        label_names: name of class i at position i.
        problem_type: as in config.json: regression, single_label_classification,
            multi_label_classification, or None.
        thresholds: for two labels one number, the least probability of the second label with which it is predicted;
            for multi_label_classification that of each label; None without thresholds.
        temperature: by which logits are divided before probabilities are computed.
        pairs: whether the model was trained on pairs of texts.
    """

    label_names: tuple[str, ...]
    problem_type: str | None
    thresholds: tuple[float, ...] | None = None
    temperature: float = 1.0
    pairs: bool = False

    @classmethod
    def of(cls, config: Any, card: Card | None, names: tuple[str, ...]) -> Answers:
        """The answers of a model folder.

        Raises:
            UserError: the card's problem type, thresholds or temperature do not suit the model.
        """
        if card is None:
            return cls(names, config.problem_type)
        check_problem_type(config, card)
        return cls(
            names,
            config.problem_type,
            thresholds(config, card),
            card.temperature or 1.0,
            card.text_pair_column is not None,
        )

    def check(self, request: Request) -> None:
        """Check that the parameters and texts of a request suit the model.

        Raises:
            RequestError: 400, a threshold for a model that predicts no labels by one, or half a pair.
        """
        if request.parameters.threshold is not None and not self._predicts_by_threshold:
            raise bad_request(
                "parameters.threshold is for models of two labels or of several labels a text, expected no threshold"
            )
        if self.pairs:
            single = next((index for index, text in enumerate(request.texts) if text.pair is None), None)
            if single is not None:
                raise bad_request(
                    f"record {single + 1} is one text, and this model classifies pairs; "
                    'expected {"text": ..., "text_pair": ...}'
                )

    @property
    def _predicts_by_threshold(self) -> bool:
        is_single = self.problem_type in (None, SINGLE_LABEL)
        return self.problem_type == MULTI_LABEL or (is_single and len(self.label_names) == 2)

    def predictions(self, logits: torch.Tensor, parameters: Parameters) -> list[Prediction]:
        """The predictions for `logits` [n, labels].

        With top_k a list of the labels with the highest scores. Without, the predicted label: the most probable one, or
        of two labels the one that the threshold gives; of several labels with thresholds a list of those that reach
        theirs, the most probable first. Thresholds do not change scores.

        Raises:
            RequestError: 500, a score is NaN or infinite.
        """
        function = parameters.function or self.default_function()
        scores = apply(function, logits if function == "none" else logits / self.temperature)
        if not scores.isfinite().all():
            # JSON has no NaN. Weights with NaN or dtypes with too small a range cause it.
            raise RequestError(HTTPStatus.INTERNAL_SERVER_ERROR, "the model's scores are NaN or infinite")
        thresholds = self._thresholds(parameters)
        if self.problem_type == MULTI_LABEL and thresholds is not None and not parameters.top_k_given:
            return self._reaching(logits, scores, thresholds)
        ranked = zip(self._ranks(logits, scores, thresholds).tolist(), scores.tolist(), strict=True)
        if not parameters.top_k_given:
            return [self._score(order[0], row[order[0]]) for order, row in ranked]
        count = parameters.top_k or scores.shape[1]
        return [[self._score(index, row[index]) for index in order[:count]] for order, row in ranked]

    def _thresholds(self, parameters: Parameters) -> torch.Tensor | None:
        """The request's threshold, else the card's, [1] or [labels]; None for none."""
        if parameters.threshold_given:
            return None if parameters.threshold is None else torch.tensor([parameters.threshold])
        return None if self.thresholds is None else torch.tensor(self.thresholds)

    def _ranks(self, logits: torch.Tensor, scores: torch.Tensor, thresholds: torch.Tensor | None) -> torch.Tensor:
        """Classes of each row, int64 [n, labels], the predicted one first."""
        if thresholds is None or self.problem_type == MULTI_LABEL:
            return scores.argsort(dim=-1, descending=True, stable=True)
        positive = ((logits / self.temperature).softmax(dim=-1)[:, 1] >= thresholds).long()
        return torch.stack([positive, 1 - positive], dim=-1)

    def _reaching(self, logits: torch.Tensor, scores: torch.Tensor, thresholds: torch.Tensor) -> list[Prediction]:
        """The labels of each row whose probabilities reach their thresholds, the most probable first."""
        reached = ((logits / self.temperature).sigmoid() >= thresholds).tolist()
        order = scores.argsort(dim=-1, descending=True, stable=True).tolist()
        return [
            [self._score(index, row[index]) for index in ranks if flags[index]]
            for ranks, row, flags in zip(order, scores.tolist(), reached, strict=True)
        ]

    def _score(self, index: int, score: float) -> dict[str, Any]:
        return {"label": self.label_names[index], "score": score}

    def default_function(self) -> str:
        """The function that transformers.pipeline applies to the logits for this problem type."""
        if self.problem_type == REGRESSION:
            return "none"
        if self.problem_type == MULTI_LABEL or len(self.label_names) == 1:
            return "sigmoid"
        return "softmax"


def apply(function: str, logits: torch.Tensor) -> torch.Tensor:
    """Scores from logits by `function` (softmax, sigmoid or none), of the same shape."""
    if function == "softmax":
        return logits.softmax(dim=-1)
    return logits.sigmoid() if function == "sigmoid" else logits
