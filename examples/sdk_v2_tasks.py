"""Launches the three images for several labels, regression or pairs of texts, with SDK v2 (sagemaker 2.x).

    python -m examples.sdk_v2_tasks pairs --images images.json --role ARN --data s3://.../raw/ \\
        --model s3://.../model/ --output s3://.../pairs

The rows are those of `make demo TASK=pairs`; examples/demo/tasks.py has the arguments and hyperparameters of each task.
With `--instance-type local` the same code runs in Docker on this machine.
"""

from __future__ import annotations

import argparse
from typing import Any

from sagemaker.local import LocalSession
from sagemaker.model import Model
from sagemaker.predictor import Predictor

from examples import sdk_v2
from examples.demo.tasks import TASKS
from examples.uris import uri

MAX_LENGTH = 64
IMAGES = ("processing", "training", "inference")


def launch(
    task: str,
    images: dict[str, str],
    role: str,
    data: str,
    model: str,
    output: str,
    hyperparameters: dict[str, Any],
    environment: dict[str, str] | None = None,
    instance_types: tuple[str, str, str] = ("ml.m5.4xlarge", "ml.g5.xlarge", "ml.g5.xlarge"),
    session: Any = None,
) -> tuple[Model, Predictor]:
    """Process, train and deploy for `task`, one of TASKS; returns model and predictor.

    Args:
        images: URI of each of IMAGES.
        data, model: S3 prefixes of the raw rows and of the base model.
        output: S3 prefix below which splits and model are written.
        hyperparameters: beside those of the task.
        environment: variables of the training job.
        instance_types: of processing, training and inference.
    """
    chosen = TASKS[task]
    processing, training, inference = instance_types
    arguments = ["--max-length", str(MAX_LENGTH), *chosen.arguments]
    prepared = f"{output}/prepared"
    sdk_v2.process(
        images["processing"], role, data, model, prepared, arguments, instance_type=processing, session=session
    )
    settings = {"epochs": chosen.epochs, **chosen.hyperparameters, **hyperparameters}
    model_data = sdk_v2.train(
        *(images["training"], role, prepared, model, f"{output}/models", settings, environment),
        instance_type=training,
        session=session,
    )
    return sdk_v2.deploy(images["inference"], role, model_data, instance_type=inference, session=session)


def main() -> None:
    """Run the jobs of the command line, and send the endpoint what `make demo` asks."""
    parser = argparse.ArgumentParser(prog="python -m examples.sdk_v2_tasks")
    parser.add_argument("task", choices=TASKS)
    for option in ("images", "role", "data", "model", "output"):
        parser.add_argument(f"--{option}", required=True)
    parser.add_argument("--instance-type", default="local", help="of all three")
    options = parser.parse_args()
    local = options.instance_type == "local"
    _, predictor = launch(
        options.task,
        {name: uri(options.images, name) for name in IMAGES},
        options.role,
        options.data,
        options.model,
        options.output,
        {"learning_rate": 5e-5},
        instance_types=(options.instance_type,) * 3,
        session=LocalSession() if local else None,
    )
    print(predictor.predict({"inputs": [question for question, _ in TASKS[options.task].questions]}))


if __name__ == "__main__":
    main()
