"""How long an input may be: by the card, the tokenizer and the model's table of positions."""

from __future__ import annotations

from typing import Any

from contract.card import Card
from inference.tokenization import TextTokenizer

# What transformers says where a tokenizer has no limit: a number beyond any text.
NO_LIMIT = 1_000_000
# They count positions from pad_token_id + 1, so two of 514 are never a token's.
ROBERTA_LIKE = ("roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "longformer", "mpnet", "luke")


def length_limit(config: Any, tokenizer: TextTokenizer, card: Card | None) -> int:
    """Longest input in tokens: the card's, within what tokenizer and position table can take."""
    limits = [tokenizer.max_length, position_limit(config), card.max_length if card else None]
    known = [int(limit) for limit in limits if limit is not None and 0 < limit < NO_LIMIT]
    return min(known, default=512)


def position_limit(config: Any) -> int | None:
    """Positions that the model has embeddings for; None where it has no table."""
    positions = getattr(config, "max_position_embeddings", None)
    if positions is None or positions < 1:
        return None
    offset = config.pad_token_id + 1 if config.model_type in ROBERTA_LIKE and config.pad_token_id is not None else 0
    return int(positions) - offset
