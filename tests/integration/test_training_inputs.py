"""Data that cannot be trained on: each start ends with one sentence, and no text of the data is in log or reason."""

from __future__ import annotations

import json
import multiprocessing
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, List, Value
from pyarrow import parquet
from training_base import make_model
from training_run import SECONDS

from contract.paths import Paths
from robustness import fuzz_hyperparameters
from robustness.fuzz_hyperparameters import MARK
from robustness.hyperparameter_cases import BASE

pytestmark = pytest.mark.integration

Write = Callable[[Path], None]
# Every text, and in some cases names and labels, have the mark.
TEXTS = [f"{MARK} {'good' if i % 2 else 'bad'} word{i % 7}" for i in range(40)]
LABELS = [i % 2 for i in range(40)]


def text(content: str, name: str = "rows.csv", channel: str = "train") -> Write:
    def write(channels: Path) -> None:
        (channels / channel).mkdir(parents=True)
        (channels / channel / name).write_bytes(content.encode("latin-1"))

    return write


def lines(*rows: dict[str, Any], channel: str = "train") -> Write:
    return text(20 * "".join(json.dumps(row) + "\n" for row in rows), "rows.jsonl", channel)


def csv(header: str = "text,label\n", row: str = "{text},{label}\n", more: str = "") -> Write:
    rows = (row.format(text=each, label=label) for each, label in zip(TEXTS, LABELS, strict=True))
    return text(header + "".join(rows) + more)


def saved(channel: str = "train", features: Features | None = None, **columns: Any) -> Write:
    rows = {"input_ids": [[2, 7 + i % 9, 3] for i in range(40)], "labels": LABELS, "text": TEXTS} | columns
    rows = {name: values for name, values in rows.items() if values is not None}
    return lambda channels: Dataset.from_dict(rows, features=features).save_to_disk(str(channels / channel))


def both(*writes: Write) -> Write:
    def write(channels: Path) -> None:
        for each in writes:
            each(channels)

    return write


def tables(*columns: dict[str, Any]) -> Write:
    def write(channels: Path) -> None:
        (channels / "train").mkdir(parents=True, exist_ok=True)
        for number, each in enumerate(columns):
            parquet.write_table(pa.table(each), channels / "train" / f"{number}.parquet")

    return write


def named(names: list[str]) -> Features:
    return Features({"input_ids": List(Value("int32")), "labels": ClassLabel(names=names), "text": Value("string")})


def unlabelled(channels: Path) -> None:
    features = Features({"text": Value("string"), "label": ClassLabel(names=["no", "yes"])})
    parts = {"train": LABELS, "validation": [-1] * 40}
    rows = {name: Dataset.from_dict({"text": TEXTS, "label": part}, features=features) for name, part in parts.items()}
    DatasetDict(rows).save_to_disk(str(channels / "train"))
    rows["validation"].save_to_disk(str(channels / "validation"))


LINE = json.dumps({"text": TEXTS[0], "label": 1}) + "\n"
CASES: dict[str, tuple[Write, str]] = {
    "no header": (
        csv(""),
        "rows.csv: none of its 2 columns is named review_body, text, .* text_column and label_column",
    ),
    "no header, parquet": (tables({TEXTS[0]: TEXTS, "1": LABELS}), "columns 2 others are found, but none of review_"),
    "other names": (csv("review,sentiment\n"), "none of its 2 columns is named .*text_column and label_column"),
    "no label column": (
        csv("text,target\n"),
        "columns text are found, but none of labels, label with the labels is among them",
    ),
    "a column twice": (csv("text,text,label\n", "{text},{text},{label}\n"), "has 2 columns named text, expected one"),
    "labels are texts": (saved(labels=TEXTS), "labels are of type string, expected whole numbers"),
    "a label is missing": (saved(labels=[None, *LABELS[1:]]), "1 of 40 rows have no label"),
    "a label is -1": (saved(labels=[-1, *LABELS[1:]]), "labels go from -1 to 1, expected 0 to 1"),
    "no labels": (unlabelled, "channel .*validation has label -1 in each row, which means that there is none"),
    "an empty text": (csv(more=",1\n"), "column text is empty in 1 of 41 rows"),
    "an empty label": (csv(more=f"{MARK},\n"), "column label is empty in 1 of 41 rows"),
    "one class": (csv(row="{text},1\n"), "column label has 1 different values, expected 2 to"),
    "other classes": (both(csv(), text(f"text,label\nx,{MARK}\n", channel="test")), "another value than the 2 classes"),
    "other class names": (
        both(saved(features=named(["a", "b"])), saved("test", named(["c", "d"]))),
        r"channel test: it has classes \('c', 'd'\), expected those of train",
    ),
    "latin-1": (csv(more=f"{MARK}\xe9\xe9 \xe9,1\n"), "is not UTF-8, its bytes look like latin-1; expected .*encoding"),
    "quotes": (csv(more=f'"{MARK},1\n'), "line 42 has quotes that do not match"),
    "no JSON": (text(LINE + f'{{"text": {MARK}}}\n', "a.jsonl"), "a.jsonl cannot be read: line 2 is no JSON"),
    "no object": (text(f'"{MARK}"\n', "a.jsonl"), "a.jsonl: line 1 is no JSON object"),
    "no gzip": (text(MARK, "a.csv.gz"), "a.csv.gz cannot be read: its gzip data is damaged"),
    "no parquet": (text(MARK, "a.parquet"), "a.parquet cannot be read as parquet"),
    "an Excel file": (text(MARK, "a.xlsx"), "holds .*a.xlsx.*; expected state.json"),
    "ids beyond the vocabulary": (
        saved(input_ids=[[2, 9999, 3 + i] for i in range(40)]),
        "token ids from 2 to 9999, but model .* tokens",
    ),
    "ids are texts": (saved(input_ids=TEXTS), "input_ids are of type string, expected lists of whole numbers"),
    "ids are missing": (saved(input_ids=[None, *[[2, 3]] * 39]), "input_ids has 1 missing values"),
    "an empty row": (saved(input_ids=[[], *[[2, 3]] * 39]), "1 of 40 rows have no token"),
    "a mask of another length": (saved(attention_mask=[[1]] * 40), "input_ids and attention_mask differ in length"),
    "rows too long": (
        saved(input_ids=[[2, i, *[7] * 59] for i in range(40)]),
        "rows have up to 61 tokens, but max_length is 16",
    ),
    "two kinds": (both(csv(), saved("train/saved")), "holds saved and rows.csv; expected data of one kind"),
    "parts that differ": (
        tables({"input_ids": [[2, 3]], "labels": [1]}, {"input_ids": [[2, 3]], "labels": [MARK]}),
        "differ",
    ),
    "two validations": (both(saved(), saved("validation"), saved("dev")), "channels validation and dev are both for"),
    "no rows": (text("text,label\n"), "channel .*train has no rows"),
    "nothing": (lambda channels: (channels / "train").mkdir(parents=True), "train holds nothing; expected state.json"),
}

SEVERAL = {"problem_type": "multi_label_classification"}
NUMBERS = {"problem_type": "regression"}
PAIRS = {"text_pair_column": "other"}
ROW = {"text": TEXTS[0], "other": f"{MARK} too", "label": [MARK, "b"]}
# Of several labels, regression and pairs of texts, with the hyperparameters that they need.
TASK_CASES: dict[str, tuple[Write, dict[str, Any], str]] = {
    "a class a row, no delimiter": (
        csv(row="{text},{text}\n"), SEVERAL, "column label holds string, but problem_type is multi_label"
    ),
    "another label": (
        both(csv(row=f"{{text}},{MARK}|{{label}}\n"), text(f"text,label\nx,{MARK}{MARK}\n", channel="test")),
        {"label_delimiter": "|"},
        "column label has other labels than the 3 of train in 1 of 1 rows, the first is row 1",
    ),
    "no label at all": (csv(row="{text},|\n"), {"label_delimiter": "|"}, "label is empty in each of 40 rows"),
    "neither 0 nor 1": (
        csv("text,one,two\n", f"{{text}},{{label}},{MARK}\n"),
        {"label_columns": "one,two"},
        "column two is neither 0 nor 1 in 40 of 40 rows, the first is row 1; expected one of",
    ),
    "a label column that is not there": (
        csv("text,one,two\n", "{text},{label},1\n"), {"label_columns": "one,three"}, "no column three, which label_col"
    ),
    "an array within an array": (
        lines(ROW | {"label": [[MARK]]}), SEVERAL, "label of row 1 is an array"
    ),
    "arrays and no problem type": (
        both(lines(ROW, ROW | {"label": ["b"]}), lines(ROW | {"label": [MARK * 2]}, channel="test")),
        {},
        "has other labels than the 2 of train in 20 of 20 rows",
    ),
    "flags of another number": (
        both(saved(labels=[[0, 1, 1]] * 39 + [[1, 0, 0]]), saved("test", labels=[[0, 1, 1, 1]] * 40)),
        SEVERAL,
        "test: row 1 has 4 values of 0 or 1, but there are 3 labels",
    ),
    "texts for flags": (saved(labels=[[MARK]] * 40), SEVERAL, "arrays of labels hold string, expected 0 or 1"),
    "no number": (csv(row="{text},{text}\n"), NUMBERS, "values that are no numbers, but problem_type is regression"),
    "numbers and a text": (
        text("text,label\n" + "".join(f"{TEXTS[i]},0.{i + 11}\n" for i in range(40)) + f"x,{MARK}\n"),
        {},
        "40 different numbers with fractions and 1 other",
    ),
    "an infinite number": (csv(more="x,inf\n"), NUMBERS, "1 of 41 labels are NaN or infinite, .* row 41"),
    "texts for numbers": (saved(labels=TEXTS), NUMBERS, "labels are of type string, but problem_type is regression"),
    "equal numbers": (csv(row="{text},7\n"), NUMBERS, "all 40 rows have the same"),
    "no second text": (csv(), PAIRS, "other"),
    "an empty second text": (
        csv("text,other,label\n", f"{{text}},{MARK},{{label}}\n", f"{MARK},,1\n"),
        PAIRS,
        "column other is empty in 1 of 41",
    ),
    "a second text in arrays": (
        lines(ROW | {"label": 1, "other": [MARK]}), PAIRS, "other"
    ),
    "no room for a pair": (
        csv("text,other,label\n", f"{{text}},{20 * (MARK + ' ')},{{label}}\n"),
        {**PAIRS, "truncation": "only_first"},
        "truncation is only_first, but the other text of a row from row 1 on leaves no room within 16 tokens",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    make_model(folder, 0.1)
    return folder


def start(base: Path, model: Path, write: Write, **more: Any) -> tuple[int | None, str, str]:
    """Exit status, log and failure reason of a training of what `write` writes, with `more` hyperparameters."""
    paths = Paths(base)
    write(paths.channel("train").parent)
    paths.channel("model").symlink_to(model)
    paths.hyperparameters.parent.mkdir(parents=True)
    paths.hyperparameters.write_text(json.dumps({name: str(value) for name, value in (BASE | more).items()}))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["training.worker", "training.launch"])
    process = context.Process(target=fuzz_hyperparameters.train, args=(base, base / "log.txt"))
    process.start()
    process.join(SECONDS)
    reason = base / "reason"
    return process.exitcode, (base / "log.txt").read_text(), reason.read_text() if reason.exists() else ""


@pytest.mark.parametrize(
    ("write", "more", "expected"),
    [(write, {}, expected) for write, expected in CASES.values()] + list(TASK_CASES.values()),
    ids=[*CASES, *TASK_CASES],
)
def test_the_failure_is_one_sentence_without_a_text(
    tmp_path: Path, model: Path, write: Write, more: dict[str, Any], expected: str
) -> None:
    status, log, reason = start(tmp_path, model, write, **more)
    assert status == 1, log
    assert re.search(expected, reason), reason
    assert "Traceback" not in log
    assert reason.splitlines() == [reason]
    assert MARK not in (log + reason).lower()


def test_headings_of_the_report_and_the_log_of_a_training_have_no_text(tmp_path: Path, model: Path) -> None:
    status, log, reason = start(tmp_path, model, csv())
    assert (status, reason) == (0, ""), log
    report = (Paths(tmp_path).output_data / "report.html").read_text()
    assert MARK not in log
    assert MARK in report
    headings = re.findall(r"<(?:title|h[1-6]|th|summary)\b.*?</", report, re.DOTALL)
    assert len(headings) > 5
    assert not [heading for heading in headings if MARK in heading]
