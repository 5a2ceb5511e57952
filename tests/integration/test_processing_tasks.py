"""Pairs of texts, several labels and regression in whole processing jobs, and what is wrong with their rows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import tiny_tokenizers
from transformers import AutoTokenizer
from unit.processing.jobs import on_host, rejects, rows, run

from contract.card import Card
from contract.failures import UserError
from processing.rows.split import SPLITS

pytestmark = pytest.mark.integration

COLUMNS = ("text", "answer", "labels", "input_ids", "token_type_ids")
Lines = list[dict[str, Any]]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bert")
    tiny_tokenizers.bert().save_pretrained(folder)
    return folder


def pairs(count: int = 120) -> Lines:
    """Distinct pairs, of whose texts each is in many rows."""
    return [{"text": f"good word{n % 12}", "answer": f"bad word{n // 12}", "label": n % 2} for n in range(count)]


def job(base: Path, lines: Lines, **options: Any) -> dict[str, Any]:
    """Process `lines` below `base`; returns the report."""
    base.mkdir(exist_ok=True)
    (base / "in").mkdir(exist_ok=True)
    (base / "in" / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return run(base, input=str(base / "in"), **options)


def all_rows(base: Path) -> list[tuple[Any, ...]]:
    return sorted(row for split in SPLITS for row in rows(base, split, COLUMNS))


@pytest.fixture
def paired(tokenizer: Path) -> dict[str, Any]:
    return {"tokenizer": str(tokenizer), "text_pair_column": "answer", "columns": ("text", "answer")}


def test_prepared_pairs_are_those_of_transformers(tmp_path: Path, tokenizer: Path, paired: dict[str, Any]) -> None:
    job(tmp_path, pairs(), truncation="only_second", **paired)
    plain = AutoTokenizer.from_pretrained(tokenizer)
    found = all_rows(tmp_path)
    assert len(found) == 120
    for first, second, _, ids, types in found:
        expected = plain(first, second, truncation="only_second", max_length=8)
        assert (ids, types) == (str(expected["input_ids"]), str(expected["token_type_ids"]))
    card = Card.read(tmp_path / "processing/train")
    assert (card.text_column, card.text_pair_column, card.truncation) == ("text", "answer", "only_second")


def test_padded_pairs_are_those_of_transformers(tmp_path: Path, tokenizer: Path, paired: dict[str, Any]) -> None:
    job(tmp_path, [*pairs(30), {"text": "good", "answer": "bad", "label": 1}], padding="max_length", **paired)
    plain = AutoTokenizer.from_pretrained(tokenizer)
    names = ("input_ids", "token_type_ids", "attention_mask")
    for first, second, *found in (row for split in SPLITS for row in rows(tmp_path, split, ("text", "answer", *names))):
        expected = plain(first, second, truncation=True, max_length=8, padding="max_length")
        assert found == [str(expected[name]) for name in names]


def test_rows_are_compared_by_both_texts(tmp_path: Path, paired: dict[str, Any]) -> None:
    lines = pairs()
    repeated = [{**line, "text": f" {line['text'].upper()} "} for line in lines[:10]]
    swapped = [{**line, "text": line["answer"], "answer": line["text"]} for line in lines[:10]]
    conflicting = [{**lines[20], "label": 1 - lines[20]["label"]}]
    report = job(tmp_path, lines + repeated + swapped + conflicting, drop_duplicates=True, conflicts="drop", **paired)
    assert report["rows"]["filtered"] == {"duplicate": 10, "conflicting label": 2}
    assert report["rows"]["kept"] == 120 + 10 - 1


def test_near_duplicates_are_those_of_both_texts(tmp_path: Path, paired: dict[str, Any]) -> None:
    words = ["good", "bad", "fine", "awful", "great", "poor", "lovely", "dull", "superb", "broken"]
    first, second = " ".join(words), " ".join(reversed(words))
    lines = [*pairs(40), *({"text": first, "answer": f"{second} {end}", "label": 0} for end in ("x", "y"))]
    # Another answer to the same question is no near-duplicate.
    lines.append({"text": first, "answer": "word1 word2 word3 word4 word5 word6 word7 word8 word9", "label": 1})
    report = job(tmp_path, lines, near_duplicates=0.8, near_duplicate_rows="drop", **paired)
    assert report["rows"]["filtered"] == {"near-duplicate": 1}


def test_any_number_of_hosts_writes_the_same_pairs(tmp_path: Path, paired: dict[str, Any]) -> None:
    lines = pairs() + pairs(20)
    options = {"max_rows": 70, "drop_duplicates": True, **paired}
    assert job(tmp_path / "one", lines, **options)["rows"]["kept"] == 70
    for host in range(2):
        on_host(tmp_path / "two", tmp_path / "one/in", host, 2, "replicated", options)
    assert all_rows(tmp_path / "two") == all_rows(tmp_path / "one")


def test_what_is_wrong_with_one_text_of_a_pair_is_counted_by_name(tmp_path: Path, paired: dict[str, Any]) -> None:
    long = "good bad fine awful great poor lovely dull"
    wrong = [("good", ""), (" \t", "bad"), ("good", None), ("", None), ("good", "x" * 300), (long, "bad")]
    lines = pairs() + [{"text": first, "answer": second, "label": 1} for first, second in wrong]
    report = job(tmp_path, lines, truncation="only_second", max_chars=200, **paired)
    assert report["rows"]["filtered"] == {
        "half a pair missing": 3,
        "empty text": 1,
        "longer than max_chars": 1,
        "no room for the text to truncate": 1,
    }
    assert report["rows"]["kept"] == 120


SEVERAL = [{"text": f"good word{n}", "label": "toxic" if n % 2 else "rude|toxic"} for n in range(40)]
FLAGS = [{"text": f"good word{n}", "toxic": n % 2, "rude": n % 3 == 0} for n in range(40)]
NUMBERS = [{"text": f"good word{n}", "label": n / 8} for n in range(40)]
LISTS: Lines = [{"text": f"good word{n}", "label": (["rude"], ["toxic", "rude"], [])[n % 3]} for n in range(40)]
COMMAS = [{**line, "label": f"{line['label']:.3f}".replace(".", ",")} for line in NUMBERS]
BY_LISTS = {"label_names": ("rude", "toxic")}
BY_NAME = {"label_delimiter": "|", "label_names": ("rude", "toxic")}
BY_COLUMNS = {"label_columns": ("toxic", "rude")}


@pytest.mark.parametrize(
    ("lines", "wrong", "options", "reason", "value"),
    [
        (SEVERAL, {"label": "toxic|spam"}, BY_NAME, "label not understood", "toxic|spam"),
        (FLAGS, {"toxic": 2, "rude": 0}, BY_COLUMNS, "label not understood", "toxic is 2"),
        (FLAGS, {"toxic": "yes", "rude": 0}, BY_COLUMNS, "label not understood", "toxic is yes"),
        (FLAGS, {"toxic": 0.7, "rude": 1}, BY_COLUMNS, "label not understood", "toxic is 0.7"),
        (FLAGS, {"toxic": 2, "rude": "no"}, BY_COLUMNS, "label not understood", "toxic is 2, rude is no"),
        (FLAGS, {"toxic": None, "rude": 0}, BY_COLUMNS, "no label", None),
        (LISTS, {"label": ["rude", "spam"]}, BY_LISTS, "label not understood", "rude spam"),
        (LISTS, {"label": ["rude", None]}, {}, "label not understood", "rude "),
        (LISTS, {"label": ["rude", ["toxic"]]}, {}, "label not understood", "rude "),
        (LISTS, {"label": [2]}, BY_LISTS, "label not understood", "2"),
        (LISTS, {"label": ["\u00a0rude ", ""]}, BY_LISTS, "label not understood", "rude  "),
        (LISTS, {"label": "rude"}, {}, "label not understood", "rude"),
        (LISTS, {"label": None}, {}, "no label", None),
        (NUMBERS, {"label": "nan"}, {}, "label not understood", "nan"),
        (NUMBERS, {"label": "inf"}, {}, "label not understood", "inf"),
        (NUMBERS, {"label": "-1e39"}, {}, "label not understood", "-1e39"),
        (NUMBERS, {"label": "four"}, {}, "label not understood", "four"),
        (NUMBERS, {"label": None}, {}, "no label", None),
    ],
)
def test_a_wrong_label_is_rejected_by_name_and_listed(
    lines: Lines,
    wrong: dict[str, Any],
    options: dict[str, Any],
    reason: str,
    value: str | None,
    tmp_path: Path,
    tokenizer: Path,
) -> None:
    rows_in = [*lines, {"text": "good word99", **wrong}]
    report = job(tmp_path / "some", rows_in, tokenizer=str(tokenizer), **options)
    assert (report["rows"]["kept"], report["rows"]["rejected"]) == (40, {reason: 1})
    [listed] = rejects(tmp_path / "some")
    assert (listed["line"], listed["reason"], listed["value"]) == (41, reason, value)
    with pytest.raises(
        UserError, match=rf"^1 of 41 rows were rejected.*1 rejected \({reason}\); one is line 41 of rows"
    ):
        job(tmp_path / "none", rows_in, tokenizer=str(tokenizer), max_rejects=0.0, **options)


@pytest.mark.parametrize(
    ("lines", "options", "sentence"),
    [
        ([{**line, "label": ""} for line in SEVERAL], {"label_delimiter": "|"}, "label column label has no labels"),
        (SEVERAL, {"label_columns": ("toxic",)}, "has no column toxic (--label-columns)"),
        (SEVERAL, {"label_delimiter": "|", "stratify": True}, "option --stratify is set, but problem_type is multi"),
        (NUMBERS, {"problem_type": "multi_label_classification"}, "expected --label-delimiter, --label-columns or"),
        (LISTS, {"label_delimiter": "|"}, "option --label-delimiter is set, but the label column has lists"),
        (LISTS, {"problem_type": "regression"}, "the label column has lists, which make multi_label_classification"),
        (LISTS, {"label_map": {"rude": 0, "toxic": 1}}, "option --label-map is set, but problem_type is multi_label"),
        ([{**line, "label": []} for line in LISTS], {}, "label column label has no labels, expected 1 to 1000"),
        (
            [{**line, "label": [0, 1, 1][: n + 1]} for n, line in enumerate(LISTS)],
            {},
            "has lists of 1 to 3 values of 0",
        ),
        (COMMAS, {}, "label column label has numbers with commas, as in 0,5; expected --label-expression"),
        ([{**line, "label": str(line["label"])} for line in LISTS], {}, "has lists written as text, as in ['a', 'b']"),
        (NUMBERS, {"balance": True}, "option --balance is set, but problem_type is regression"),
        ([{**line, "label": 3} for line in NUMBERS], {}, "label column label has one value only"),
        (NUMBERS, {"text_pair_column": "answer"}, "has no column answer (--text-pair-column)"),
        (NUMBERS, {"text_pair_column": "text"}, "--text-column and --text-pair-column are both text"),
        (NUMBERS, {"truncation": "only_first"}, "--truncation is only_first, but rows have one text"),
    ],
)
def test_options_that_do_not_suit_the_rows_get_one_sentence(
    lines: Lines, options: dict[str, Any], sentence: str, tmp_path: Path, tokenizer: Path
) -> None:
    with pytest.raises(UserError, match=re.escape(sentence)) as error:
        job(tmp_path, lines, tokenizer=str(tokenizer), **options)
    assert "\n" not in str(error.value)
    assert not list((tmp_path / "processing").rglob("state.json"))


@pytest.mark.parametrize(
    ("lines", "options", "warning"),
    [
        ([{**line, "label": ""} for line in SEVERAL], BY_NAME, "no kept row has any of the labels"),
        ([{**line, "toxic": 0} for line in FLAGS], BY_COLUMNS, "no row has the label toxic"),
        ([{**line, "label": 0.5} for line in NUMBERS], {}, "all kept rows have the same number"),
    ],
)
def test_labels_that_teach_nothing_are_warned_of(
    lines: Lines, options: dict[str, Any], warning: str, tmp_path: Path, tokenizer: Path
) -> None:
    warnings = job(tmp_path, lines, tokenizer=str(tokenizer), **options)["warnings"]
    assert any(warning in each for each in warnings) and not any("one class" in each for each in warnings)


def labels_of(base: Path) -> dict[str, str]:
    return {text: labels for split in SPLITS for text, labels in rows(base, split, ("text", "labels"))}


def test_lists_mean_names_or_their_numbers_on_any_number_of_hosts(tmp_path: Path, tokenizer: Path) -> None:
    options: dict[str, Any] = {"tokenizer": str(tokenizer), "columns": ("text",)}
    report = job(tmp_path / "names", LISTS, **options)
    assert report["problem_type"] == "multi_label_classification"
    expected = [str([float(name in line["label"]) for name in ("rude", "toxic")]) for line in LISTS]
    assert labels_of(tmp_path / "names") == {line["text"]: row for line, row in zip(LISTS, expected, strict=True)}
    numbered = [{**line, "label": [("rude", "toxic").index(name) for name in line["label"]]} for line in LISTS]
    job(tmp_path / "numbers", numbered, **BY_LISTS, **options)
    assert labels_of(tmp_path / "numbers") == labels_of(tmp_path / "names")
    for host in range(2):
        on_host(tmp_path / "hosts", tmp_path / "names/in", host, 2, "replicated", options)
    assert labels_of(tmp_path / "hosts") == labels_of(tmp_path / "names")


def test_commas_are_replaced_or_taken_for_classes_where_an_option_says_so(tmp_path: Path, tokenizer: Path) -> None:
    options: dict[str, Any] = {"tokenizer": str(tokenizer)}
    points = job(tmp_path / "a", COMMAS, label_expression="replace(label, ',', '.')", **options)
    assert (points["problem_type"], points["rows"]["kept"]) == ("regression", 40)
    classes = job(tmp_path / "b", COMMAS, problem_type="single_label_classification", **options)
    assert len(classes["labels"]["train"]) == 40
    several = job(tmp_path / "c", COMMAS, label_expression="label", label_delimiter=",", **options)
    assert several["problem_type"] == "multi_label_classification"
