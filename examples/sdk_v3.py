"""Launches the three images with SDK v3 (sagemaker 3.x, of which it needs sagemaker-core, -train and -serve).

    python -m examples.sdk_v3 process --image URI --role ARN --data s3://.../raw/ \\
        --tokenizer s3://.../model/ --output s3://.../prepared

An image is a URI, images.json or the name of an SSM parameter. With `--instance-type local` the same
code runs in Docker on this machine; training then writes model.tar.gz below the current directory.
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
    Networking,
    OutputDataConfig,
    StoppingCondition,
)
from sagemaker.train.model_trainer import Mode, ModelTrainer

from examples import boto3_jobs as jobs
from examples.account import INFERENCE_AMI, Account, ami_version
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
    """Run a processing job: from raw text below the S3 prefix `data` to splits below the prefix `output`."""
    processor = Processor(
        image_uri=image,
        role=role,
        # The image's own entry point: local mode fails on arguments without it.
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


def source(name: str, uri: str, path: str) -> ProcessingInput:
    """An input of a processing job: S3 prefix `uri`, downloaded to `path`."""
    location = ProcessingS3Input(s3_uri=uri, local_path=path, s3_data_type="S3Prefix", s3_input_mode="File")
    return ProcessingInput(input_name=name, s3_input=location)


def target(name: str, prefix: str) -> ProcessingOutput:
    """An output of a processing job, uploaded below the S3 prefix."""
    path = f"/opt/ml/processing/{name}"
    location = ProcessingS3Output(s3_uri=f"{prefix}/{name}", local_path=path, s3_upload_mode="EndOfJob")
    return ProcessingOutput(output_name=name, s3_output=location)


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
    """Run a training job on the splits below the S3 prefix `prepared`.

    Args:
        model: S3 prefix of the base model.
        output: S3 prefix of this training only, since a job resumes from the checkpoints that it finds there.
        spot: managed spot training: after an interruption the job resumes from its checkpoints. Else a warm pool.
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
    """The input channels: the splits below the S3 prefix `prepared`, and the base model."""
    uris = {split: f"{prepared}/{split}" for split in jobs.SPLITS} | {"model": model}
    return [InputData(channel_name=name, data_source=location) for name, location in uris.items()]


def deploy(
    image: str,
    role: str,
    model_data: str,
    name: str,
    instance_type: str = "ml.g5.xlarge",
    session: Any = None,
    network: Networking | None = None,
) -> None:
    """Deploy a real-time endpoint by ModelBuilder, which sends an image without a model or code of its own unchanged.

    Args:
        model_data: S3 URI of model.tar.gz.
        name: of the model, the endpoint configuration and the endpoint.
        network: subnets and security groups of the endpoint; None for none.
    """
    from sagemaker.serve.model_builder import ModelBuilder

    builder = ModelBuilder(
        image_uri=image,
        s3_model_data_url=model_data,
        role_arn=role,
        instance_type=instance_type,
        network=network,
        sagemaker_session=session,
    )
    builder.build(model_name=name)
    ami = ami_version("inference_ami_version", INFERENCE_AMI, instance_type)
    builder.deploy(endpoint_name=name, instance_type=instance_type, wait=False, **ami)


def host(image: str, role: str, model_data: str, name: str, session: LocalSession) -> None:
    """Run an endpoint on this machine by boto3's requests: ModelBuilder's local mode takes no image with its server."""
    client, account = session.sagemaker_client, Account(role, isolated=False)
    client.create_model(**jobs.model(name, image, account, model_data))
    client.create_endpoint_config(**jobs.real_time(name, name, account, "local"))
    client.create_endpoint(EndpointName=name, EndpointConfigName=name)


def parse() -> argparse.Namespace:
    """Parse the command line."""
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
    commands.choices["train"].add_argument(
        "--hyperparameters", type=json.loads, default=HYPERPARAMETERS, help="hyperparameters as a JSON object"
    )
    commands.choices["process"].add_argument("arguments", nargs="*", help="arguments of the processing image, after --")
    return parser.parse_args()


def main() -> None:
    """Run the command of the command line."""
    options = vars(parse())
    command, local = options.pop("command"), options["instance_type"] == "local"
    options["image"] = uri(options["image"], IMAGES[command])
    options["session"] = LocalSession() if local else None
    if command == "process":
        process(**options)
    elif command == "train":
        train(spot=not local, **options)
    elif local:
        del options["instance_type"]
        host(**options)
    else:
        deploy(**options)


if __name__ == "__main__":
    main()
