from __future__ import annotations

from types import SimpleNamespace

import pytest

from inference.limits import NO_LIMIT, length_limit, position_limit


@pytest.mark.parametrize(
    ("values", "positions"),
    [
        ({"model_type": "bert", "max_position_embeddings": 512, "pad_token_id": 0}, 512),
        ({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}, 512),
        ({"model_type": "xlnet", "pad_token_id": 5}, None),
    ],
)
def test_positions_that_a_token_can_have(values: dict[str, object], positions: int | None) -> None:
    assert position_limit(SimpleNamespace(**values)) == positions


def test_the_least_known_limit_counts() -> None:
    config = SimpleNamespace(model_type="bert", max_position_embeddings=512, pad_token_id=0)
    tokenizer, card = SimpleNamespace(max_length=128), SimpleNamespace(max_length=64)
    assert length_limit(config, tokenizer, card) == 64
    assert length_limit(config, tokenizer, None) == 128
    assert length_limit(config, SimpleNamespace(max_length=10 * NO_LIMIT), None) == 512
