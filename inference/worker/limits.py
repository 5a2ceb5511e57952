"""The longest input in tokens: the card's max_length, the tokenizer's and the model's limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contract.card import Card
from contract.positions import position_limit
from inference.worker.tokenization import TextTokenizer

if TYPE_CHECKING:
    from transformers import PretrainedConfig

# What transformers says where a tokenizer has no limit: a number beyond any text.
NO_LIMIT = 1_000_000


def length_limit(config: PretrainedConfig, tokenizer: TextTokenizer, card: Card | None) -> int:
    """Longest input in tokens: the card's, within what tokenizer and position table can take."""
    limits = [tokenizer.max_length, position_limit(config), card.max_length if card else None]
    known = [int(limit) for limit in limits if limit is not None and 0 < limit < NO_LIMIT]
    return min(known, default=512)
