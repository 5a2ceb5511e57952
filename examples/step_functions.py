"""A state machine of AWS Step Functions that processes, trains and creates a SageMaker model.

    python -m examples.step_functions --processing URI --training URI --inference URI --role ARN --root s3://BUCKET/reviews

prints its definition in the Amazon States Language. Jobs and model have the name of the execution.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence

from examples import boto3_jobs as jobs
from examples.account import Account, Request
from examples.uris import add_arguments, selected_uris

ARGUMENTS = ("--max-length", "128", "--label-threshold", "4")
HYPERPARAMETERS = {"epochs": 1, "train_batch_size": 32, "learning_rate": 5e-5}
# Paths of the context object and of a state's input (Amazon States Language, JSONPath).
EXECUTION, TRAINED = "$$.Execution.Name", "$.ModelArtifacts.S3ModelArtifacts"


def definition(
    images: Mapping[str, str],
    account: Account,
    root: str,
    arguments: Sequence[str] = ARGUMENTS,
    hyperparameters: Mapping[str, object] = HYPERPARAMETERS,
) -> Request:
    """The state machine: reads raw/ and model/ below the S3 prefix `root`, writes prepared/ and models/.

    Args:
        images: URI of each image.
    """
    prepared, model = f"{root}/prepared", f"{root}/model"
    processing = jobs.processing_job(
        "name", images["processing"], account, f"{root}/raw", model, prepared, list(arguments)
    )
    training = jobs.training_job(
        "name", images["training"], account, prepared, model, f"{root}/models", hyperparameters, spot=False
    )
    created = jobs.model("name", images["inference"], account, "data")
    container = created["PrimaryContainer"]
    states = {
        "Process": task("createProcessingJob.sync", processing, "ProcessingJobName", after="Train"),
        "Train": task("createTrainingJob.sync", training, "TrainingJobName", after="CreateModel"),
        "CreateModel": task(
            "createModel",
            created | {"PrimaryContainer": with_path(container, "ModelDataUrl", TRAINED)},
            "ModelName",
            after=None,
        ),
    }
    return {"Comment": "Raw text to a SageMaker model", "StartAt": "Process", "States": states}


def task(action: str, request: Request, name: str, after: str | None) -> Request:
    """A state that sends `request`; one that ends in .sync waits for the job, and fails if that fails.

    Args:
        name: field of the request with the name, which becomes the execution's.
        after: the next state; None for the last one.
    """
    return {
        "Type": "Task",
        "Resource": f"arn:aws:states:::sagemaker:{action}",
        "Parameters": with_path(request, name, EXECUTION),
        **({"Next": after} if after else {"End": True}),
    }


def with_path(request: Request, name: str, path: str) -> Request:
    """`request` with a field that is read from `path` when the state runs."""
    return {key: value for key, value in request.items() if key != name} | {f"{name}.$": path}


def main() -> None:
    """Print the definition."""
    parser = argparse.ArgumentParser(prog="python -m examples.step_functions")
    add_arguments(parser)
    parser.add_argument("--role", required=True)
    parser.add_argument("--root", required=True, help="s3://BUCKET/PREFIX")
    options = parser.parse_args()
    print(json.dumps(definition(selected_uris(options), Account(options.role), options.root.rstrip("/")), indent=2))


if __name__ == "__main__":
    main()
