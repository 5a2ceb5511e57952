"""A model that cannot be exported is delivered without ONNX files; int8 is measured on rows that are padded."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from training_base import Job

from contract import onnx_export
from contract.onnx_export import ONNX_FOLDER, ExportError
from training.data.channel import load
from training.evaluation.predictions import Predictions
from training.results import onnx_files
from training.results.verification import Judged


def test_a_model_that_cannot_be_exported_is_delivered_without_these_files(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def run(folder: Path, output: Path) -> None:
        output.mkdir()
        raise ExportError("its operators are unknown")

    monkeypatch.setattr(onnx_export, "run", run)
    folder = Path(shutil.copytree(job.paths.channel("model"), tmp_path / "model"))
    judged = Judged(load(job.paths.channel("train")), Predictions(np.zeros(1), np.zeros((1, 2))), 32)
    assert onnx_files.add(folder, judged) == {}
    assert not (folder / ONNX_FOLDER).exists()
    assert "without ONNX files: its operators are unknown" in caplog.text


def test_rows_are_padded_on_the_right_and_none_is_lost() -> None:
    rows = [[5] * length for length in range(1, 12)]
    found = list(onnx_files.batches(rows, pad=9))
    assert [len(batch["input_ids"]) for batch in found] == [8, 3]
    assert found[0]["input_ids"][1].tolist() == [5, 5, *[9] * 6]
    assert [int(batch["attention_mask"].sum()) for batch in found] == [36, 30]
