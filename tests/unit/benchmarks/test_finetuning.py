"""Rows, order of trainings and continuation of the fine-tuning benchmark."""

from __future__ import annotations

import gzip
import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import finetuning
from benchmarks.finetuning_results import IMAGE, TRAINER, Result
from contract.files import read_json

SETTINGS = {"rows": 8, "epochs": 1}


def write_reviews(file: Path, texts: int) -> Path:
    """Write each text twice; even ones have five stars, odd ones three."""
    lines = [f'{5 - i % 2 * 2}\tt{i} "quoted\n' for i in range(texts)] * 2
    with gzip.open(file, "wt", encoding="utf-8") as target:
        target.writelines(["star_rating\treview_body\n", *lines])
    return file


def test_a_quarter_is_for_validation_and_not_trained_on(tmp_path: Path) -> None:
    data = write_reviews(tmp_path / "reviews.tsv.gz", 40)
    folder = (
        finetuning.prepare(tmp_path / "inputs", Namespace(task="single", data=data, rows=40, max_length=8), tmp_path)
        / "data"
    )
    train, validation = (
        [json.loads(line)["text"] for line in (folder / channel / "rows.jsonl").read_text().splitlines()]
        for channel in ("train", "validation")
    )
    assert (len(train), len(validation), len({*train, *validation})) == (30, 10, 40)
    assert (folder / "model").resolve() == tmp_path.resolve()


def test_the_order_of_programs_alternates_in_each_precision() -> None:
    found = list(finetuning.order(("fp32", "bf16"), 2))
    assert len(set(found)) == 8
    firsts = {
        precision: [training[2] for training in found[::2] if training[0] == precision]
        for precision in ("fp32", "bf16")
    }
    assert firsts == {"fp32": [IMAGE, TRAINER], "bf16": [IMAGE, TRAINER]}


def trainer(program: str, fails_at: int, trained: list[tuple[str, int]]) -> Callable[..., Result]:
    """Replacement for a training, which fails for one seed."""

    def train(_folder: Path, _inputs: Path, _options: Namespace, precision: str, seed: int) -> Result:
        if seed == fails_at:
            raise SystemExit("broken")
        trained.append((program, seed))
        return Result(precision, seed, program, 0.5, 0.5, 1.0, 1)

    return train


def test_existing_results_are_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, file = write_reviews(tmp_path / "reviews.tsv.gz", 8), tmp_path / "finetuning.json"
    options = Namespace(task="single", data=data, rows=8, max_length=8, precision=["fp32"], seeds=2)
    trained: list[tuple[str, int]] = []
    monkeypatch.setattr(finetuning, "PROGRAMS", {program: trainer(program, 1, trained) for program in (IMAGE, TRAINER)})
    with pytest.raises(SystemExit, match="broken"):
        finetuning.train_all(options, tmp_path, file, SETTINGS)
    assert len(read_json(file, "results")["results"]) == 2
    monkeypatch.setattr(
        finetuning, "PROGRAMS", {program: trainer(program, -1, trained) for program in (IMAGE, TRAINER)}
    )
    found = finetuning.train_all(options, tmp_path, file, SETTINGS)
    assert trained == [(IMAGE, 0), (TRAINER, 0), (TRAINER, 1), (IMAGE, 1)]
    assert [(result.program, result.seed) for result in found] == trained


def test_results_of_other_settings_are_not_mixed(tmp_path: Path) -> None:
    file = tmp_path / "finetuning.json"
    file.write_text(json.dumps({"settings": SETTINGS, "results": []}))
    assert finetuning.read_results(file, SETTINGS) == []
    with pytest.raises(SystemExit, match="has results of .*'epochs': 1.*expected .*'epochs': 2"):
        finetuning.read_results(file, SETTINGS | {"epochs": 2})
