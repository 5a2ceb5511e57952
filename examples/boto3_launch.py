"""The whole chain with plain boto3: raw text to splits, to a model, to a file of answers.

    python -m examples.boto3_launch --processing images.json --training images.json --inference images.json \\
        --role ARN --root s3://BUCKET/reviews

reads raw/, model/ and lines/ below the root and writes beside them. With `--instance-type local`
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
from examples.uris import add_arguments, given_uris

ARGUMENTS = ["--max-length", "128", "--label-threshold", "4"]
HYPERPARAMETERS = {"epochs": 1, "train_batch_size": 32, "learning_rate": 5e-5}


def finished(describe: Callable[..., Mapping[str, Any]], job: str, name: str) -> Mapping[str, Any]:
    """What is known of the `job` (ProcessingJob, ...) of that `name` once it has ended.

    Raises:
        RuntimeError: it did not complete; with the sentence that the image left.
    """
    while (known := describe(**{f"{job}Name": name}))[f"{job}Status"] in ("InProgress", "Stopping"):
        time.sleep(30)
    if known[f"{job}Status"] != "Completed":
        reason = known.get("ExitMessage") or known.get("FailureReason") or "for a reason that the log has"
        raise RuntimeError(f"{job} {name}: {known[f'{job}Status']}: {reason}")
    return known


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
    """Each job of the chain in turn, all called `name`. Returns the S3 address of model.tar.gz."""
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
    parser = argparse.ArgumentParser(prog="python -m examples.boto3_launch")
    add_arguments(parser)
    parser.add_argument("--role", required=True)
    parser.add_argument("--root", required=True, help="s3://BUCKET/PREFIX")
    parser.add_argument("--instance-type", help="of every job; local for this machine")
    return parser.parse_args()


def service(local: bool) -> Any:
    if not local:
        return boto3.client("sagemaker")
    from sagemaker.local import LocalSession

    return LocalSession().sagemaker_client


def main() -> None:
    given = parse()
    images = given_uris(given)
    name = f"reviews-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    instances = {"instance_type": given.instance_type} if given.instance_type else {}
    client, account = service(given.instance_type == "local"), Account(given.role)
    print(launch(client, images, account, given.root.rstrip("/"), name, ARGUMENTS, HYPERPARAMETERS, **instances))


if __name__ == "__main__":
    main()
