"""Each task's launch: the options are known to processing, and what one job writes the next one reads."""

from __future__ import annotations

from typing import Any

import pytest

from contract.options import from_flags
from examples.demo.tasks import TASKS
from examples.metric_definitions import METRICS
from processing.options import ProcessingOptions

# Warnings of the SDK's imports.
pytestmark = pytest.mark.filterwarnings("ignore")

ROLE = "arn:aws:iam::123456789012:role/jobs"
IMAGES = {"processing": "p:1", "training": "t:1", "inference": "i:1"}
OUTPUT = "s3://b/out"


@pytest.fixture(params=TASKS)
def task(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def called(task: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The arguments of the three calls of examples.sdk_v2."""
    from examples import sdk_v2, sdk_v2_tasks

    calls: dict[str, Any] = {}
    results = {"process": None, "train": f"{OUTPUT}/models/model.tar.gz", "deploy": ("model", "predictor")}
    for name, result in results.items():
        monkeypatch.setattr(
            sdk_v2, name, lambda *given, _name=name, _result=result, **_: (calls.update({_name: given}), _result)[1]
        )
    found = sdk_v2_tasks.launch(task, IMAGES, ROLE, "s3://b/raw", "s3://b/model", OUTPUT, {"learning_rate": 1e-3})
    assert found == ("model", "predictor")
    return calls


def test_the_arguments_are_options_of_processing(task: str, called: dict[str, Any]) -> None:
    image, _, data, tokenizer, output, arguments = called["process"]
    assert (image, data, tokenizer, output) == ("p:1", "s3://b/raw", "s3://b/model", f"{OUTPUT}/prepared")
    options = from_flags(ProcessingOptions, ["--tokenizer", "folder", *arguments])
    assert options.max_length == 64
    assert (options.label_delimiter, options.text_pair_column) == {
        "multilabel": ("|", None),
        "regression": (None, None),
        "pairs": (None, "answer"),
    }[task]


def test_training_reads_what_processing_wrote_and_the_endpoint_what_training_wrote(
    task: str, called: dict[str, Any]
) -> None:
    image, _, prepared, model, _, hyperparameters, _ = called["train"]
    assert (image, prepared, model) == ("t:1", f"{OUTPUT}/prepared", "s3://b/model")
    assert hyperparameters == {"epochs": TASKS[task].epochs, **TASKS[task].hyperparameters, "learning_rate": 1e-3}
    assert called["deploy"] == ("i:1", ROLE, f"{OUTPUT}/models/model.tar.gz")


def test_sagemaker_reads_the_metric_of_the_task(task: str) -> None:
    assert {f"validation:{TASKS[task].metric}", f"test:{TASKS[task].metric}"} <= METRICS.keys()
