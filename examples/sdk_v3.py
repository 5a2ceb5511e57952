"""Launch the three images with SDK v3 (sagemaker 3.x; sagemaker-core and sagemaker-train of it).

    python -m examples.sdk_v3 process --image URI --role ARN --data s3://.../raw/ \\
        --tokenizer s3://.../model/ --output s3://.../prepared

An image is a URI, images.json or a parameter's name in SSM. With `--instance-type local` the same
code runs in Docker on this machine; training then leaves model.tar.gz below the working directory.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from sagemaker.core.helper.session_helper import Session
from sagemaker.core.local.local_session import LocalSession
from sagemaker.core.processing import Processor
from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output
from sagemaker.core.training.configs import (
    CheckpointConfig,
    Compute,
    InputData,
    MetricDefinition,
    OutputDataConfig,
    StoppingCondition,
)
from sagemaker.train.model_trainer import Mode, ModelTrainer

from examples import boto3_jobs as jobs
from examples.account import Account
from examples.metric_definitions import METRIC_DEFINITIONS
from examples.uris import uri

METRICS = [MetricDefinition(name=metric["Name"], regex=metric["Regex"]) for metric in METRIC_DEFINITIONS]
HYPERPARAMETERS = {"epochs": 1, "train_batch_size": 32, "learning_rate": 5e-5}
# The image of each command.
IMAGES = {"process": "processing", "train": "training", "deploy": "inference"}


def process(
    image: str,
    role: str,
    data: str,
    tokenizer: str,
    output: str,
    arguments: list[str],
    instance_type: str = "ml.m5.4xlarge",
    session: Session | None = None,
) -> None:
    """Raw text below the prefix `data` to splits below the prefix `output`."""
    processor = Processor(
        image_uri=image,
        role=role,
        # The image's own. AWS needs no telling; local mode fails on arguments without it.
        entrypoint=["python", "-m", "processing"],
        instance_type=instance_type,
        instance_count=1,
        sagemaker_session=session,
    )
    processor.run(
        arguments=["--tokenizer", jobs.TOKENIZER, *arguments],
        inputs=[source("data", data, jobs.INPUT), source("tokenizer", tokenizer, jobs.TOKENIZER)],
        outputs=[target(name, output) for name in (*jobs.SPLITS, "report")],
    )


def source(name: str, address: str, path: str) -> ProcessingInput:
    place = ProcessingS3Input(s3_uri=address, local_path=path, s3_data_type="S3Prefix", s3_input_mode="File")
    return ProcessingInput(input_name=name, s3_input=place)


def target(name: str, prefix: str) -> ProcessingOutput:
    path = f"/opt/ml/processing/{name}"
    place = ProcessingS3Output(s3_uri=f"{prefix}/{name}", local_path=path, s3_upload_mode="EndOfJob")
    return ProcessingOutput(output_name=name, s3_output=place)


def train(
    image: str,
    role: str,
    prepared: str,
    model: str,
    output: str,
    hyperparameters: dict[str, Any],
    instance_type: str = "ml.g5.xlarge",
    spot: bool = True,
    session: Session | None = None,
) -> ModelTrainer:
    """Fine-tune `model` on what `process` prepared.

    Args:
        output: S3 prefix of this training alone, for its checkpoints lie there too: the next one goes on from them.
        spot: spare capacity, which can be taken away: the job goes on from its checkpoints. Without it the
            instances are kept warm for the next job; SageMaker does not do both.
    """
    local = instance_type == "local"
    trainer = ModelTrainer(
        training_mode=Mode.LOCAL_CONTAINER if local else Mode.SAGEMAKER_TRAINING_JOB,
        training_image=image,
        role=role,
        compute=Compute(
            instance_type="local_cpu" if local else instance_type,
            instance_count=1,
            enable_managed_spot_training=spot,
            keep_alive_period_in_seconds=None if spot else 600,
        ),
        stopping_condition=StoppingCondition(
            max_runtime_in_seconds=jobs.DAY, max_wait_time_in_seconds=2 * jobs.DAY if spot else None
        ),
        checkpoint_config=CheckpointConfig(s3_uri=f"{output}/checkpoints", local_path="/opt/ml/checkpoints"),
        output_data_config=OutputDataConfig(s3_output_path=output),
        hyperparameters=hyperparameters,
        sagemaker_session=session,
        local_container_root=str(Path.cwd()),
    ).with_metric_definitions(METRICS)
    trainer.train(channels(prepared, model))
    return trainer


def channels(prepared: str, model: str) -> list[InputData]:
    """The splits below `prepared`, and the model to start from."""
    addresses = {split: f"{prepared}/{split}" for split in jobs.SPLITS} | {"model": model}
    return [InputData(channel_name=name, data_source=address) for name, address in addresses.items()]


def deploy(
    image: str, role: str, model_data: str, name: str, instance_type: str = "ml.g5.xlarge", session: Any = None
) -> None:
    """An endpoint of that `name`, by the requests of boto3: ModelBuilder takes no image with its own server."""
    client, account = (session or Session()).sagemaker_client, Account(role, isolated=False)
    client.create_model(**jobs.model(name, image, account, model_data))
    client.create_endpoint_config(**jobs.real_time(name, name, account, instance_type))
    client.create_endpoint(EndpointName=name, EndpointConfigName=name)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.sdk_v3")
    parser.add_argument("--instance-type", default="local")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, options in {
        "process": ["data", "tokenizer", "output"],
        "train": ["prepared", "model", "output"],
        "deploy": ["model-data", "name"],
    }.items():
        command = commands.add_parser(name)
        for option in ["image", "role", *options]:
            command.add_argument(f"--{option}", required=True)
    commands.choices["train"].add_argument("--hyperparameters", type=json.loads, default=HYPERPARAMETERS, help="JSON")
    commands.choices["process"].add_argument("arguments", nargs="*", help="of the image, after --")
    return parser.parse_args()


def main() -> None:
    given = vars(parse())
    command, local = given.pop("command"), given["instance_type"] == "local"
    given["image"] = uri(given["image"], IMAGES[command])
    given["session"] = LocalSession() if local else None
    if command == "process":
        process(**given)
    elif command == "train":
        train(spot=not local, **given)
    else:
        deploy(**given)


if __name__ == "__main__":
    main()
