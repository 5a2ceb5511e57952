import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from contract.card import CARD_FILE, Card, RowCounts, TokenizerReference
from contract.failures import UserError

CARD = Card(
    text_column="review_body",
    label_names=("NEGATIVE", "POSITIVE"),
    tokenizer=TokenizerReference("minilm", "ab" * 32, None),
    max_length=128,
    seed=42,
    splits={"train": 8, "validation": 1, "test": 1},
    rows=RowCounts(13, 10, {"empty text": 2}, {"MISSING COLUMNS": 1}),
    versions={"image": "0.1.0"},
)


def test_a_card_round_trips(tmp_path: Path) -> None:
    CARD.write(tmp_path)
    assert Card.read(tmp_path) == CARD


def test_a_card_is_partial_only_if_the_field_is_true(tmp_path: Path) -> None:
    dataclasses.replace(CARD, partial=True).write(tmp_path)
    assert Card.read(tmp_path).partial is True
    older = CARD.to_json()
    del older["partial"]
    assert Card.from_json(older, "card.json").partial is False


def test_a_later_writer_may_add_fields() -> None:
    content = {**CARD.to_json(), "colour": "blue"}
    assert Card.from_json(content, "x") == CARD


@pytest.mark.parametrize("missing", ["label_names", "tokenizer", "rows", "max_length"])
def test_an_incomplete_card_is_refused(missing: str) -> None:
    content = CARD.to_json()
    del content[missing]
    with pytest.raises(UserError, match=f"incomplete.*{missing}"):
        Card.from_json(content, "card.json")


def test_a_card_of_a_later_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / CARD_FILE).write_text(json.dumps({**CARD.to_json(), "format_version": 3}))
    with pytest.raises(UserError, match="format_version 3, expected at most 2"):
        Card.read(tmp_path)


@pytest.mark.parametrize(
    "fields",
    [
        {"problem_type": "regression", "label_names": ("LABEL_0",)},
        {"problem_type": "multi_label_classification", "label_thresholds": (0.25, 0.5)},
        {"text_pair_column": "hypothesis", "truncation": "only_first"},
        {"temperature": 1.5},
    ],
)
def test_what_an_older_image_would_misread_has_format_2_and_round_trips(fields: dict[str, Any], tmp_path: Path) -> None:
    card = dataclasses.replace(CARD, **fields)
    card.write(tmp_path)
    assert json.loads((tmp_path / CARD_FILE).read_text())["format_version"] == 2
    assert Card.read(tmp_path) == card
    assert CARD.to_json()["format_version"] == 1


def test_a_card_of_an_older_image_is_of_one_label_and_one_text() -> None:
    content = CARD.to_json()
    for name in ("problem_type", "text_pair_column", "truncation", "label_thresholds", "temperature"):
        del content[name]
    assert Card.from_json(content, "x") == CARD


@pytest.mark.parametrize("fields", [{"problem_type": "ranking"}, {"truncation": "middle"}, {"temperature": 0}])
def test_a_value_that_no_image_knows_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"card x has {next(iter(fields))} .*, expected "):
        Card.from_json({**CARD.to_json(), **fields}, "x")


@pytest.mark.parametrize("text", ["[]", "{}", "null"])
def test_other_json_is_refused_as_a_card(tmp_path: Path, text: str) -> None:
    (tmp_path / CARD_FILE).write_text(text)
    with pytest.raises(UserError, match="no format_version"):
        Card.read(tmp_path)


def test_rows_must_add_up() -> None:
    assert CARD.rows.balanced()
    assert not dataclasses.replace(CARD.rows, kept=11).balanced()
    assert json.loads(json.dumps(CARD.to_json()))["rows"]["filtered"] == {"empty text": 2}
