"""Runs the whole chain with boto3: a processing job, a training job, and a batch transform job.

    python -m examples.boto3_launch --processing images.json --training images.json --inference images.json \\
        --role ARN --root s3://BUCKET/reviews

reads raw/, model/ and lines/ below the root and writes prepared/, models/ and answers/. With `--instance-type local`
(and the SageMaker SDK 2.x installed) the same requests run in Docker on this machine.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import boto3

from examples import boto3_jobs as jobs
from examples.account import Account
from examples.uris import add_arguments, selected_uris

ARGUMENTS = ["--max-length", "128", "--label-threshold", "4"]
HYPERPARAMETERS = {"epochs": 1, "train_batch_size": 32, "learning_rate": 5e-5}


def finished(describe: Callable[..., Mapping[str, Any]], job: str, name: str) -> Mapping[str, Any]:
    """Wait until a job has ended; returns its description.

    Args:
        describe: the client's function, such as client.describe_processing_job.
        job: kind of the job: ProcessingJob, TrainingJob or TransformJob.

    Raises:
        RuntimeError: the job did not complete; with the reason that the image wrote.
    """
    while (description := describe(**{f"{job}Name": name}))[f"{job}Status"] in ("InProgress", "Stopping"):
        time.sleep(30)
    if description[f"{job}Status"] != "Completed":
        reason = description.get("ExitMessage") or description.get("FailureReason") or "see the log for the reason"
        raise RuntimeError(f"{job} {name}: {description[f'{job}Status']}: {reason}")
    return description


def launch(
    client: Any,
    images: Mapping[str, str],
    account: Account,
    root: str,
    name: str,
    arguments: list[str],
    hyperparameters: Mapping[str, object],
    **instances: Any,
) -> str:
    """Run the jobs of the chain one after the other, all with the name `name`; returns the S3 URI of model.tar.gz."""
    prepared, model = f"{root}/prepared", f"{root}/model"
    client.create_processing_job(
        **jobs.processing_job(
            name, images["processing"], account, f"{root}/raw", model, prepared, arguments, **instances
        )
    )
    finished(client.describe_processing_job, "ProcessingJob", name)
    client.create_training_job(
        **jobs.training_job(
            name, images["training"], account, prepared, model, f"{root}/models", hyperparameters, **instances
        )
    )
    trained = finished(client.describe_training_job, "TrainingJob", name)["ModelArtifacts"]["S3ModelArtifacts"]
    client.create_model(**jobs.model(name, images["inference"], account, trained))
    client.create_transform_job(
        **jobs.transform_job(name, name, account, f"{root}/lines", f"{root}/answers", **instances)
    )
    finished(client.describe_transform_job, "TransformJob", name)
    return str(trained)


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m examples.boto3_launch")
    add_arguments(parser)
    parser.add_argument("--role", required=True)
    parser.add_argument("--root", required=True, help="s3://BUCKET/PREFIX")
    parser.add_argument("--instance-type", help="instance type of every job; local runs them on this machine")
    return parser.parse_args()


def service(local: bool) -> Any:
    """boto3's client for SageMaker, or that of the SDK's local mode."""
    if not local:
        return boto3.client("sagemaker")
    from sagemaker.local import LocalSession

    return LocalSession().sagemaker_client


def main() -> None:
    """Run the chain and print the S3 URI of the model."""
    options = parse()
    images = selected_uris(options)
    name = f"reviews-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    instances = {"instance_type": options.instance_type} if options.instance_type else {}
    client, account = service(options.instance_type == "local"), Account(options.role)
    print(launch(client, images, account, options.root.rstrip("/"), name, ARGUMENTS, HYPERPARAMETERS, **instances))


if __name__ == "__main__":
    main()
