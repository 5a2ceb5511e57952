"""Warnings at the end of the log and at the top of the report."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pytest
from unit.processing.jobs import Write, run

from processing.report.findings import warnings

EQUAL = {"conflicting_labels": 0, "validation_in_train": 0, "test_in_train": 0, "estimated": False}

NAMED = {"column_names": ("label", "text"), "no_header": False}
KIND = {
    "problem_type": "single_label_classification",
    "numbers": None,
    "repeated_labels": 0,
    "options": {**NAMED, "column_names": None},
}
SEVERAL = {"problem_type": "multi_label_classification"}


def report(**changed: Any) -> dict[str, Any]:
    labels = {"train": {"bad": 80, "good": 70}, "validation": {"bad": 9, "good": 9}, "test": {"bad": 9, "good": 9}}
    splits = {"train": 150, "validation": 18, "test": 18}
    return {"labels": labels, "splits": splits, "rejected_by_class": {}, "equal_texts": EQUAL, **KIND, **changed}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"labels": None}, []),
        ({"options": NAMED}, ["--column-names replaces the header, .* --no-header says that it is a row"]),
        ({"options": {**NAMED, "no_header": True}}, []),
        ({"labels": {"train": {"bad": 3, "good": 0}, "test": {"bad": 1, "good": 0}}}, ["all kept rows have .* bad:"]),
        (
            {"labels": {"train": {"bad": 9, "good": 9}, "validation": {"bad": 9, "good": 0}}},
            ["split validation has no row of the label good; --stratify"],
        ),
        ({"labels": {"train": {"a": 3, "b": 0, "c": 1}}}, ["no row has the label b$"]),
        ({"labels": {"train": {"a": 3, "b": 0}}, **SEVERAL}, ["no row has the label b$"]),
        ({"labels": {"train": {"a": 0, "b": 0}}, **SEVERAL}, ["no kept row has any of the labels a, b: "]),
        ({"repeated_labels": 1200, **SEVERAL}, ["1,200 rows have a label several times: it counts once"]),
        ({"numbers": {"train": {"smallest": 1.0, "largest": 2.0}}}, []),
        ({"numbers": {split: {"smallest": 1.0, "largest": 1.0} for split in "ab"}}, ["all kept rows have the same"]),
        ({"rejected_by_class": {"good": 20}}, ["18.5% of the rows with the label good .*, 0.0% of those with bad"]),
        ({"rejected_by_class": {"good": 4}}, []),
        ({"rejected_by_class": {"good": 10, "bad": 11}}, []),
        ({"equal_texts": EQUAL | {"conflicting_labels": 1200}}, ["^1,200 rows have a text that another"]),
        ({"equal_texts": EQUAL | {"test_in_train": 7, "estimated": True}}, ["^about 7 rows of the split test"]),
    ],
)  # fmt: skip
def test_a_finding_is_one_sentence(changed: dict[str, Any], expected: list[str]) -> None:
    found = warnings(report(**changed))
    assert len(found) == len(expected)
    assert all(re.search(words, sentence) for words, sentence in zip(expected, found, strict=True)), found


def test_a_job_logs_its_warnings_at_its_end_and_reports_them(
    written: Write, tmp_path: Path, wordpiece: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = "".join(f"film {n % 100}\t{n // 100 % 2}\tuser {n}\n" for n in range(200))
    path = written("a.tsv", "text\tlabel\tuser\n" + lines)
    with caplog.at_level(logging.WARNING):
        found = run(tmp_path, input=str(path), tokenizer=str(wordpiece), group_by="user")
    expected = [
        "200 rows have a text that another row has with another label; --conflicts drops them or decides by majority",
        *(
            f"{found['equal_texts'][f'{split}_in_train']} rows of the split {split} have a text that is in train too: "
            "its scores are too good"
            for split in ("validation", "test")
        ),
    ]
    assert found["warnings"] == expected and caplog.messages[-3:] == expected
    assert min(found["equal_texts"][f"{split}_in_train"] for split in ("validation", "test")) > 5
    assert expected[0] in (tmp_path / "processing/report/report.html").read_text()
