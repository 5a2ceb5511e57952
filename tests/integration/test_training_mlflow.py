"""A training that is stopped and resumed, tracked by MLflow's own server: one run with all that belongs to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow_server import running
from training_base import Job, make_job
from training_run import finish, start, stop

from contract.paths import Paths

pytestmark = pytest.mark.integration

EXPERIMENT = "reviews"
STEPS = 30
ARTIFACTS = ["README.md", "card.json", "confusion_matrix.png", "curves.png", "eval_results.txt", "metrics.json"]


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowClient]:
    (tmp_path / "mlflow").mkdir()
    with running(tmp_path / "mlflow") as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
        monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
        yield MlflowClient(address)


def the_run(client: MlflowClient) -> Run:
    """The only run of the experiment."""
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    return run


def steps(client: MlflowClient, run: Run, metric: str) -> list[int]:
    return [entry.step for entry in client.get_metric_history(run.info.run_id, metric)]


def test_a_job_that_was_stopped_goes_on_with_its_run(client: MlflowClient, tmp_path: Path) -> None:
    job = make_job(tmp_path / "job")
    job.hyperparameters(epochs=2, train_batch_size=16, logging_steps=1, report_to="mlflow", learning_rate="2e-3")
    step = stop(job, at=8)
    stopped = the_run(client)
    assert stopped.info.status == "KILLED"
    # The log line of a step comes before its checkpoint.
    assert steps(client, stopped, "loss") == list(range(1, step + 1))
    log = finish(start(job))
    run = the_run(client)
    assert run.info.run_id == stopped.info.run_id
    assert f"MLflow run {run.info.run_id}" in log
    assert run.info.status == "FINISHED"
    assert steps(client, run, "loss") == list(range(1, STEPS + 1))
    assert set(steps(client, run, "eval_f1")) == {STEPS // 2, STEPS}
    assert run.data.params["learning_rate"] == "0.002"
    assert run.data.params["class_weights"] == "none"
    assert not [name for name in run.data.tags if ".from_step_" in name]
    check_artifacts(client, run, job)


def check_artifacts(client: MlflowClient, run: Run, job: Job) -> None:
    """They are the files of the delivered model and of the output, byte for byte."""
    paths: Paths = job.paths
    found = sorted(each.path for each in client.list_artifacts(run.info.run_id))
    assert found == sorted([*ARTIFACTS, "report.html"])
    for name in found:
        delivered = next(folder / name for folder in (paths.model, paths.output_data) if (folder / name).exists())
        assert Path(client.download_artifacts(run.info.run_id, name)).read_bytes() == delivered.read_bytes()
