"""length_limit: the longest input in tokens, from SERVING_MAX_LENGTH, card.json, the tokenizer and the model."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from contract.card import Card
from contract.failures import UserError
from contract.positions import position_limit
from inference.worker.tokenization import TextTokenizer

if TYPE_CHECKING:
    from transformers import PretrainedConfig

# transformers writes a huge model_max_length for a tokenizer without a limit; values from this on mean none.
NO_LIMIT = 1_000_000
# Of a model and a tokenizer without any limit, such as T5.
DEFAULT = 512
# Models made for generation take 131,072 tokens and more; one such text would occupy the worker for minutes.
MOST_BY_DEFAULT = 8_192

log = logging.getLogger(__name__)


def length_limit(
    config: PretrainedConfig, tokenizer: TextTokenizer, card: Card | None, requested: int | None = None
) -> int:
    """Longest input in tokens, special tokens included.

    It is `requested`, else the card's max_length, else the tokenizer's or DEFAULT, but at most MOST_BY_DEFAULT; in
    any case no more than the model has positions, and without `requested` no more than the tokenizer's limit.

    Args:
        requested: SERVING_MAX_LENGTH; None if it is not set.

    Raises:
        UserError: `requested` or the card's max_length leaves no token beside the special ones.
    """
    positions = position_limit(config)
    smallest = tokenizer.special_tokens(pair=False) + 1
    for name, value in (
        ("SERVING_MAX_LENGTH", requested),
        ("max_length of card.json", card.max_length if card else None),
    ):
        if value is not None and value < smallest:
            raise UserError(f"{name} is {value}, expected at least {smallest}: one token and the special tokens")
    if requested is not None:
        if positions is not None and requested > positions:
            log.warning("SERVING_MAX_LENGTH is %d, the model takes at most %d tokens", requested, positions)
        return least([requested, positions])
    if card is not None and card.max_length:
        return least([card.max_length, tokenizer.max_length, positions])
    return min(least([tokenizer.max_length, positions]), MOST_BY_DEFAULT)


def least(limits: list[int | None]) -> int:
    """The least of the limits that are given; DEFAULT without any."""
    return min((int(limit) for limit in limits if limit is not None and 0 < limit < NO_LIMIT), default=DEFAULT)
