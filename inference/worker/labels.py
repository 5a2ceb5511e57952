"""Label names and decision threshold, from card.json, else from config.json."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contract.card import CARD_FILE, Card
from contract.failures import UserError
from inference.model_folder import CONFIG_FILE

if TYPE_CHECKING:
    from transformers import PretrainedConfig


def label_names(config: PretrainedConfig, card: Card | None) -> tuple[str, ...]:
    """The label names of the card, else of id2label in config.json: name of class i at position i.

    Raises:
        UserError: the card has another number of labels than the model, or id2label lacks one.
    """
    count = config.num_labels
    if not card or not card.label_names:
        ids = sorted(config.id2label)
        if ids != list(range(count)):
            raise UserError(f"{CONFIG_FILE} has id2label with the ids {ids[:10]}, expected 0 to {count - 1}")
        return tuple(str(config.id2label[index]) for index in range(count))
    if len(card.label_names) != count:
        raise UserError(
            f"{CARD_FILE} names {len(card.label_names)} labels, the model has {count}; expected the card of this model"
        )
    return card.label_names


def decision_threshold(config: PretrainedConfig, card: Card | None) -> float | None:
    """The card's decision threshold; None if it has none.

    Raises:
        UserError: it is not a probability, or the model is not a single-label classifier of two labels.
    """
    threshold = card.decision_threshold if card else None
    if threshold is None:
        return None
    if isinstance(threshold, bool) or not isinstance(threshold, (int, float)) or not 0 <= threshold <= 1:
        raise UserError(f"{CARD_FILE} has decision_threshold {threshold!r}, expected a probability from 0 to 1")
    if config.num_labels != 2 or config.problem_type not in (None, "single_label_classification"):
        raise UserError(
            f"{CARD_FILE} has a decision_threshold, expected none for a model that does not choose between two labels"
        )
    return float(threshold)
