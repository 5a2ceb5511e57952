from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from contract.failures import UserError
from inference.worker.labels import label_names


def config(names: dict[int, str]) -> Any:
    return SimpleNamespace(num_labels=len(names), id2label=names)


def test_names_are_in_the_order_of_their_ids() -> None:
    assert label_names(config({1: "good", 0: "bad"}), None) == ("bad", "good")


@pytest.mark.parametrize("ids", [(0, 2), (1, 2)])
def test_a_missing_id_is_one_clear_sentence(ids: tuple[int, int]) -> None:
    names = {number: f"name {number}" for number in ids}
    with pytest.raises(UserError, match=f"id2label with the ids \\[{ids[0]}, {ids[1]}\\], expected 0 to 1"):
        label_names(config(names), None)
    card: Any = SimpleNamespace(label_names=("bad", "good"))
    assert label_names(config(names), card) == ("bad", "good")
