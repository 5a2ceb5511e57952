from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from contract.failures import UserError
from inference.worker.limits import DEFAULT, MOST_BY_DEFAULT, NO_LIMIT, length_limit


def limited(most: int | None) -> Any:
    return SimpleNamespace(max_length=most, special_tokens=lambda pair: 3 if pair else 2)


def model(positions: int | None) -> Any:
    return SimpleNamespace(model_type="bert", max_position_embeddings=positions, pad_token_id=0)


@pytest.mark.parametrize(
    ("positions", "tokenizer", "card", "requested", "expected"),
    [
        (512, 128, 64, None, 64),
        (512, 128, None, None, 128),
        (512, 10 * NO_LIMIT, None, None, 512),
        (512, None, 1000, None, 512),
        (None, None, None, None, DEFAULT),
        (131_072, 131_072, None, None, MOST_BY_DEFAULT),
        (131_072, 131_072, 32_768, None, 32_768),
        (131_072, 131_072, None, 65_536, 65_536),
        (512, 128, 64, 256, 256),
        (512, 128, 64, 1024, 512),
        (None, None, 64, 1024, 1024),
    ],
)
def test_the_longest_input(
    positions: int | None, tokenizer: int | None, card: int | None, requested: int | None, expected: int
) -> None:
    assert length_limit(model(positions), limited(tokenizer), limited(card) if card else None, requested) == expected


def test_more_than_the_model_has_positions_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    length_limit(model(512), limited(128), None, 1024)
    assert caplog.messages == ["SERVING_MAX_LENGTH is 1024, the model takes at most 512 tokens"]


@pytest.mark.parametrize(("card", "requested"), [(None, 2), (2, None)])
def test_a_limit_needs_a_token_beside_the_special_ones(card: int | None, requested: int | None) -> None:
    name = "SERVING_MAX_LENGTH" if requested else "max_length of card.json"
    with pytest.raises(UserError, match=f"{name} is 2, expected at least 3"):
        length_limit(model(512), limited(128), limited(card) if card else None, requested)
