"""length_limit: the longest input in tokens, from the card's max_length and the tokenizer's and the model's limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contract.card import Card
from contract.positions import position_limit
from inference.worker.tokenization import TextTokenizer

if TYPE_CHECKING:
    from transformers import PretrainedConfig

# transformers writes a huge model_max_length for a tokenizer without a limit; values from this on mean none.
NO_LIMIT = 1_000_000


def length_limit(config: PretrainedConfig, tokenizer: TextTokenizer, card: Card | None) -> int:
    """Longest input in tokens: the least of the limits of card, tokenizer and position embeddings; 512 without any."""
    candidates = [tokenizer.max_length, position_limit(config), card.max_length if card else None]
    limits = [int(limit) for limit in candidates if limit is not None and 0 < limit < NO_LIMIT]
    return min(limits, default=512)
