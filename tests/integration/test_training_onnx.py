"""export_onnx: a training delivers the model in ONNX, with int8's measured accuracy, and inference takes int8."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from training_base import make_job
from training_run import finish, start

from contract.card import Card
from contract.files import read_json
from contract.onnx_export import FLOAT32_FILE, INT8_FILE, ONNX_FOLDER
from inference.device import Device
from inference.options import ServingOptions
from inference.worker import engine
from inference.worker.classifier import Classifier
from inference.worker.loading import load

pytestmark = pytest.mark.integration


def test_the_exported_model_is_delivered_measured_and_served(tmp_path: Path) -> None:
    job = make_job(tmp_path, rows=240)
    job.hyperparameters(epochs=6, train_batch_size=16, learning_rate=5e-3, export_onnx=True)
    log = finish(start(job))
    folder = job.paths.model
    assert {path.name for path in (folder / ONNX_FOLDER).iterdir()} == {FLOAT32_FILE, INT8_FILE}
    metrics = read_json(job.paths.output_data / "metrics.json", "metrics")["metrics"]
    assert metrics["eval_int8_rows"] == 60
    assert metrics["eval_float32_accuracy"] == pytest.approx(metrics["eval_accuracy"])
    assert metrics["eval_int8_agreement"] > 0.9
    assert f"eval_int8_accuracy = {metrics['eval_int8_accuracy']:g}" in log
    assert "eval_int8_agreement" in (job.paths.output_data / "report.html").read_text()
    loss = 100 * (metrics["eval_float32_accuracy"] - metrics["eval_int8_accuracy"])
    assert Card.read(folder).int8_accuracy_loss == pytest.approx(loss, abs=1e-3)
    assert_served_in_int8(folder, loss)


def assert_served_in_int8(folder: Path, loss: float) -> None:
    torch_model = load(folder, Device(torch.device("cpu"), torch.float32))
    options = ServingOptions(int8_loss=max(loss, 0.5))
    loaded = engine.choose(torch_model, folder, options, 1, frozenset({"avx512_vnni"}))
    assert loaded.device.dtype == torch.int8
    texts = ["good great word1 word2", "bad awful word3"]
    assert [answer["label"] for answer in Classifier(loaded, 4096)(texts)] == ["POSITIVE", "NEGATIVE"]
