"""Launch the three images with the SageMaker SDK's generic classes (sagemaker 2.x).

    python -m examples.sdk_v2 process --image URI --role ARN --data s3://.../raw/ \\
        --tokenizer s3://.../model/ --output s3://.../prepared

An image is a URI, images.json or a parameter's name in SSM. With `--instance-type local` the same
code runs in Docker on this machine. examples/sdk_v2_capacity.py has the other kinds of instances.
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
    """Raw text below the prefix `data` to splits below the prefix `output`."""
    processor = Processor(
        image_uri=image,
        role=role,
        # The image's own. AWS needs no telling; local mode fails on arguments without it.
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
    """Fine-tune `model` on what `process` prepared. Returns the S3 address of model.tar.gz.

    Args:
        capacity: spot(...) or warm_pool() of examples.sdk_v2_capacity, or nothing.
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
    """An endpoint that answers JSON. Delete the model first, then the endpoint."""
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
    instance_type: str = "ml.g5.xlarge",
    session: Any = None,
) -> None:
    """Answers for files of JSON lines, line by line: `data`/name becomes `output`/name.out.

    Args:
        strategy: MultiRecord for requests of many lines, SingleRecord for one a request.
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
    given = vars(parse())
    command, local = given.pop("command"), given["instance_type"] == "local"
    given["image"] = uri(given["image"], IMAGES[command])
    given["session"] = LocalSession() if local else None
    if command == "process":
        process(arguments=["--max-length", "128", "--label-threshold", "4"], **given)
    elif command == "train":
        # A training of its own has an output of its own: it goes on from checkpoints that it finds.
        capacity = {} if local else spot(f"{given['output']}/checkpoints")
        print(train(hyperparameters=HYPERPARAMETERS, **given, **capacity))
    elif command == "transform":
        transform(**given)
    else:
        _, predictor = deploy(**given)
        print(predictor.predict({"inputs": ["I loved it.", "It fell apart after a day."]}))


if __name__ == "__main__":
    main()
