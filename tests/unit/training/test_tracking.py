"""The MLflow run of a training, against a client that keeps what it is given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import TrainerState

from training.distributed.stopping import InterruptionError
from training.tracking import FILE, MlflowTracker, ended


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "store"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", folder.as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    return folder


def begin(root: Path, step: int = 0, **parameters: object) -> MlflowTracker:
    tracker = MlflowTracker(root, parameters, None)
    tracker.on_train_begin(None, TrainerState(global_step=step), None)
    return tracker


@pytest.mark.usefixtures("store")
def test_a_resumed_training_goes_on_with_its_run_and_a_new_one_begins_another(tmp_path: Path) -> None:
    root = tmp_path / "checkpoints"
    root.mkdir()
    first = begin(root, learning_rate=1e-3, seed=1)
    first.on_log(None, TrainerState(global_step=5), None, {"loss": 0.5, "note": "x"})
    assert json.loads((root / FILE).read_text()) == {"run_id": first.run_id}
    second = begin(root, step=5, learning_rate=1e-4, seed=1)
    second.log_metrics({"loss": 0.25}, 10)
    assert second.run_id == first.run_id
    run = second.client.get_run(second.run_id)
    assert run.data.params == {"learning_rate": "0.001", "seed": "1"}
    assert run.data.tags["learning_rate.from_step_6"] == "0.0001"
    history = second.client.get_metric_history(second.run_id, "loss")
    assert [(entry.step, entry.value) for entry in history] == [(5, 0.5), (10, 0.25)]
    assert begin(root).run_id != first.run_id


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("error", "status"), [(None, "FINISHED"), (InterruptionError(3), "KILLED"), (ValueError("x"), "FAILED")]
)
def test_the_run_ends_as_the_training_does(tmp_path: Path, error: Exception | None, status: str) -> None:
    tracker = begin(tmp_path)
    (tmp_path / "report.html").write_text("report")
    try:
        with ended(tracker):
            tracker.log_files([tmp_path / "report.html"])
            if error:
                raise error
    except (InterruptionError, ValueError) as raised:
        assert raised is error
    assert tracker.client.get_run(tracker.run_id).info.status == status
    assert [each.path for each in tracker.client.list_artifacts(tracker.run_id)] == ["report.html"]


@pytest.mark.usefixtures("store")
def test_what_the_server_does_not_take_costs_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tracker = begin(tmp_path)
    tracker.run_id = "0" * 32
    tracker.log_metrics({"loss": 1.0}, 1)
    assert "MLflow did not take metrics of run 000" in caplog.text
