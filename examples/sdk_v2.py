"""Launches the three images with the generic classes of SDK v2 (sagemaker 2.x): Processor, Estimator, Model.

    python -m examples.sdk_v2 process --image URI --role ARN --data s3://.../raw/ \\
        --tokenizer s3://.../model/ --output s3://.../prepared

An image is a URI, images.json or the name of an SSM parameter. With `--instance-type local` the same
code runs in Docker on this machine. For spot and warm pools see examples/sdk_v2_capacity.py.
"""

from __future__ import annotations

import argparse
from typing import Any

from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.local import LocalSession
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor
from sagemaker.serializers import JSONSerializer

from examples.account import inference_ami
from examples.metric_definitions import METRIC_DEFINITIONS
from examples.sdk_v2_capacity import spot
from examples.uris import uri

OUTPUTS = ("train", "validation", "test", "report")
HYPERPARAMETERS = {"epochs": 1, "train_batch_size": 32, "learning_rate": 5e-5}
# The image of each command.
IMAGES = {"process": "processing", "train": "training", "deploy": "inference", "transform": "inference"}


def process(
    image: str,
    role: str,
    data: str,
    tokenizer: str,
    output: str,
    arguments: list[str],
    instance_type: str = "ml.m5.4xlarge",
    instance_count: int = 1,
    session: Any = None,
) -> None:
    """Run a processing job: from raw text below the S3 prefix `data` to splits below the prefix `output`."""
    processor = Processor(
        image_uri=image,
        role=role,
        # The image's own entry point: local mode fails on arguments without it.
        entrypoint=["python", "-m", "processing"],
        instance_type=instance_type,
        instance_count=instance_count,
        sagemaker_session=session,
    )
    processor.run(
        arguments=["--tokenizer", "/opt/ml/processing/tokenizer", *arguments],
        inputs=[
            ProcessingInput(input_name="data", source=data, destination="/opt/ml/processing/input"),
            ProcessingInput(input_name="tokenizer", source=tokenizer, destination="/opt/ml/processing/tokenizer"),
        ],
        outputs=[
            ProcessingOutput(output_name=name, source=f"/opt/ml/processing/{name}", destination=f"{output}/{name}")
            for name in OUTPUTS
        ],
    )


def train(
    image: str,
    role: str,
    prepared: str,
    model: str,
    output: str,
    hyperparameters: dict[str, Any],
    environment: dict[str, str] | None = None,
    instance_type: str = "ml.g5.xlarge",
    instance_count: int = 1,
    session: Any = None,
    **capacity: Any,
) -> str:
    """Run a training job on the splits below the S3 prefix `prepared`; returns the S3 URI of model.tar.gz.

    Args:
        model: S3 prefix of the base model.
        capacity: result of spot() or warm_pool() in examples/sdk_v2_capacity.py, or nothing.
    """
    estimator = Estimator(
        image_uri=image,
        role=role,
        instance_type=instance_type,
        instance_count=instance_count,
        hyperparameters=hyperparameters,
        environment=environment,
        output_path=output,
        metric_definitions=METRIC_DEFINITIONS,
        sagemaker_session=session,
        **capacity,
    )
    estimator.fit({name: f"{prepared}/{name}" for name in ("train", "validation", "test")} | {"model": model})
    return str(estimator.model_data)


def deploy(
    image: str, role: str, model_data: str, instance_type: str = "ml.g5.xlarge", session: Any = None
) -> tuple[Model, Predictor]:
    """Deploy a real-time endpoint; returns model and predictor. To clean up, delete the model, then the endpoint."""
    model = Model(
        image_uri=image,
        model_data=model_data,
        role=role,
        predictor_cls=Predictor,
        sagemaker_session=session,
    )
    predictor = model.deploy(
        initial_instance_count=1,
        instance_type=instance_type,
        inference_ami_version=inference_ami(instance_type),
        serializer=JSONSerializer(),
        deserializer=JSONDeserializer(),
    )
    return model, predictor


def transform(
    image: str,
    role: str,
    model_data: str,
    data: str,
    output: str,
    strategy: str = "MultiRecord",
    instance_type: str = "ml.g6.xlarge",
    session: Any = None,
) -> None:
    """Run a batch transform job on JSON Lines files: predictions of `data`/name are written to `output`/name.out.

    Args:
        strategy: MultiRecord for many lines per request, SingleRecord for one.
        instance_type: for g4dn and g5, whose default driver is old, see examples/boto3_jobs.py: the SDK's Transformer
            has no parameter for another one.
    """
    model = Model(image_uri=image, model_data=model_data, role=role, sagemaker_session=session)
    transformer = model.transformer(
        instance_count=1,
        instance_type=instance_type,
        strategy=strategy,
        assemble_with="Line",
        accept="application/jsonlines",
        output_path=output,
    )
    transformer.transform(data, content_type="application/jsonlines", split_type="Line")
    transformer.wait()


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m examples.sdk_v2")
    parser.add_argument("--instance-type", default="local")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, options in {
        "process": ["data", "tokenizer", "output"],
        "train": ["prepared", "model", "output"],
        "deploy": ["model-data"],
        "transform": ["model-data", "data", "output"],
    }.items():
        command = commands.add_parser(name)
        for option in ["image", "role", *options]:
            command.add_argument(f"--{option}", required=True)
    return parser.parse_args(arguments)


def main() -> None:
    """Run the command of the command line."""
    options = vars(parse())
    command, local = options.pop("command"), options["instance_type"] == "local"
    options["image"] = uri(options["image"], IMAGES[command])
    options["session"] = LocalSession() if local else None
    if command == "process":
        process(arguments=["--max-length", "128", "--label-threshold", "4"], **options)
    elif command == "train":
        # Use another --output for each training: a job resumes from the checkpoints that it finds there.
        capacity = {} if local else spot(f"{options['output']}/checkpoints")
        print(train(hyperparameters=HYPERPARAMETERS, **options, **capacity))
    elif command == "transform":
        transform(**options)
    else:
        _, predictor = deploy(**options)
        print(predictor.predict({"inputs": ["I loved it.", "It fell apart after a day."]}))


if __name__ == "__main__":
    main()
