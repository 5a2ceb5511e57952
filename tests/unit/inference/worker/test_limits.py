from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from inference.worker.limits import NO_LIMIT, length_limit


def test_the_least_of_the_limits_is_used() -> None:
    config = SimpleNamespace(model_type="bert", max_position_embeddings=512, pad_token_id=0)
    tokenizer: Any = SimpleNamespace(max_length=128)
    card: Any = SimpleNamespace(max_length=64)
    unlimited: Any = SimpleNamespace(max_length=10 * NO_LIMIT)
    assert length_limit(config, tokenizer, card) == 64
    assert length_limit(config, tokenizer, None) == 128
    assert length_limit(config, unlimited, None) == 512
