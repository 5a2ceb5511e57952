"""The pipeline in local mode with the real images, up to its condition; models can be registered in AWS only."""

from __future__ import annotations

import gc
import shutil
from pathlib import Path
from typing import Any

import pytest
from containers.bucket import BUCKET

pytestmark = [
    pytest.mark.skipif(not shutil.which("docker-compose"), reason="SDK local mode needs docker-compose"),
    # Warnings of the SDK's imports and of its thread for docker-compose.
    pytest.mark.filterwarnings("ignore"),
]


def test_an_accurate_model_passes_the_condition(
    images: dict[str, str], client: Any, uploaded: str, tmp_path: Path
) -> None:
    from sagemaker.workflow.pipeline_context import LocalPipelineSession

    from examples.sdk_v2_pipeline import pipeline

    session = LocalPipelineSession(default_bucket=BUCKET)
    session.config = {"local": {"container_root": str(tmp_path)}}
    role = "arn:aws:iam::123456789012:role/jobs"
    arguments = ["--max-length", "64", "--label-threshold", "4"]
    hyperparameters = {"epochs": 3, "train_batch_size": 16, "learning_rate": 1e-3}
    local = {"processing": "local", "training": "local"}
    made = pipeline("gate", images, role, uploaded, None, session, arguments, hyperparameters, local)
    made.create(role, "process, train, gate")
    execution = made.start()
    gc.collect()
    steps = {step["StepName"]: step for step in execution.list_steps()["PipelineExecutionSteps"]}
    assert {name: step["StepStatus"] for name, step in steps.items()} == dict.fromkeys(
        ("Process", "Train", "OpenCard", "Gate"), "Succeeded"
    )
    assert steps["Gate"]["Metadata"]["Condition"]["Outcome"] is True
