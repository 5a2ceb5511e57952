"""Label names, problem type and thresholds, from card.json, else from config.json."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contract.card import CARD_FILE, MULTI_LABEL, SINGLE_LABEL, Card
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
            f"number of labels: {len(card.label_names)} in {CARD_FILE}, {count} in the model; "
            "expected the card of this model"
        )
    return card.label_names


def check_problem_type(config: PretrainedConfig, card: Card) -> None:
    """Raises UserError: the card is of another problem type than the model. One label is also what no type means."""
    if card.problem_type not in (SINGLE_LABEL, config.problem_type):
        raise UserError(
            f"{CARD_FILE} has problem_type {card.problem_type}, {CONFIG_FILE} {config.problem_type}; "
            "expected the card of this model"
        )


def thresholds(config: PretrainedConfig, card: Card) -> tuple[float, ...] | None:
    """The card's decision threshold, or its threshold of each label; None if it has none.

    Raises:
        UserError: one is not a probability, or the model does not choose between two labels, or among as many.
    """
    if card.label_thresholds is not None:
        if card.problem_type != MULTI_LABEL or len(card.label_thresholds) != config.num_labels:
            raise UserError(
                f"{CARD_FILE} has {len(card.label_thresholds)} label_thresholds, expected one for each label of a "
                f"model for {MULTI_LABEL}, or none"
            )
        return tuple(probability(value, "label_thresholds") for value in card.label_thresholds)
    if card.decision_threshold is None:
        return None
    found = probability(card.decision_threshold, "decision_threshold")
    if config.num_labels != 2 or config.problem_type not in (None, SINGLE_LABEL):
        raise UserError(
            f"{CARD_FILE} has a decision_threshold, expected none for a model that does not choose between two labels"
        )
    return (found,)


def probability(value: object, field: str) -> float:
    """`value` of the card as a number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise UserError(f"{CARD_FILE} has {field} {value!r}, expected a probability from 0 to 1")
    return float(value)
