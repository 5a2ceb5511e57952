"""A SageMaker Pipeline of the images: process, train, read the model's card, register it if accuracy is high enough.

    python -m examples.sdk_v2_pipeline --processing URI --training URI --inference URI --role ARN \\
        --root s3://BUCKET/reviews --group NAME-OF-MODEL-PACKAGE-GROUP

creates or updates the pipeline in AWS and starts it; it reads raw/ and model/ below the root. With
`--local` it runs in Docker on this machine, up to the accuracy condition, since there is no model registry.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.model import Model
from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionGreaterThanOrEqualTo
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import Join, JsonGet
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import ParameterFloat
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import LocalPipelineSession, PipelineSession
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import ProcessingStep, TrainingStep

from examples.metric_definitions import METRIC_DEFINITIONS
from examples.uris import add_arguments, selected_uris

SPLITS = ("train", "validation", "test")
FOLDER = "/opt/ml/processing"
ARGUMENTS = ["--max-length", "128", "--label-threshold", "4"]
HYPERPARAMETERS = {"epochs": 1, "train_batch_size": 32, "learning_rate": 5e-5}


def pipeline(
    name: str,
    images: Mapping[str, str],
    role: str,
    root: str,
    group: str | None,
    session: Any,
    arguments: Sequence[str] = ARGUMENTS,
    hyperparameters: Mapping[str, Any] = HYPERPARAMETERS,
    instances: Mapping[str, str] | None = None,
) -> Pipeline:
    """Define the pipeline, without creating it in AWS.

    Args:
        name: name of the pipeline.
        images: URI of each image.
        root: S3 prefix; its folders raw/ and model/ are read.
        group: model package group in which to register the model; None does not register it.
        instances: instance types of processing and training; None takes the defaults.
    """
    types = {"processing": "ml.m5.4xlarge", "training": "ml.g5.xlarge"} | dict(instances or {})
    least = ParameterFloat("LeastAccuracy", default_value=0.85)
    processed = process(images["processing"], role, root, arguments, types["processing"], session)
    trained = train(images["training"], role, root, processed, hyperparameters, types["training"], session)
    card = PropertyFile(name="Card", output_name="card", path="card.json")
    opened = open_card(images["processing"], role, trained, card, types["processing"], session)
    accuracy = JsonGet(step_name=opened.name, property_file=card, json_path="training.metrics.eval_accuracy")
    gate = ConditionStep(
        name="Gate",
        conditions=[ConditionGreaterThanOrEqualTo(left=accuracy, right=least)],
        if_steps=[register(images["inference"], role, trained, group, session)] if group else [],
        else_steps=[FailStep(name="NotGoodEnough", error_message=Join(" ", ["accuracy is below", least]))],
    )
    return Pipeline(name=name, parameters=[least], steps=[processed, trained, opened, gate], sagemaker_session=session)


def process(image: str, role: str, root: str, arguments: Sequence[str], instance: str, session: Any) -> ProcessingStep:
    """The step that runs the processing image: raw text to splits."""
    sources = {"data": (f"{root}/raw", f"{FOLDER}/input"), "tokenizer": (f"{root}/model", f"{FOLDER}/tokenizer")}
    return ProcessingStep(
        name="Process",
        step_args=processor(image, role, ["python", "-m", "processing"], instance, session).run(
            arguments=["--tokenizer", f"{FOLDER}/tokenizer", *arguments],
            inputs=[ProcessingInput(input_name=key, source=s3, destination=to) for key, (s3, to) in sources.items()],
            outputs=[ProcessingOutput(output_name=split, source=f"{FOLDER}/{split}") for split in SPLITS],
        ),
    )


def processor(image: str, role: str, entrypoint: list[str], instance: str, session: Any) -> Processor:
    """A Processor with one instance."""
    return Processor(
        image_uri=image,
        role=role,
        entrypoint=entrypoint,
        instance_type=instance,
        instance_count=1,
        sagemaker_session=session,
    )


def train(
    image: str,
    role: str,
    root: str,
    processed: ProcessingStep,
    hyperparameters: Mapping[str, Any],
    instance: str,
    session: Any,
) -> TrainingStep:
    """The step that runs the training image: splits to a model."""
    estimator = Estimator(
        image_uri=image,
        role=role,
        instance_type=instance,
        instance_count=1,
        hyperparameters=dict(hyperparameters),
        metric_definitions=METRIC_DEFINITIONS,
        output_path=f"{root}/models",
        sagemaker_session=session,
    )
    outputs = processed.properties.ProcessingOutputConfig.Outputs
    channels = {split: TrainingInput(outputs[split].S3Output.S3Uri) for split in SPLITS}
    return TrainingStep(name="Train", step_args=estimator.fit(channels | {"model": TrainingInput(f"{root}/model")}))


def open_card(
    image: str, role: str, trained: TrainingStep, card: PropertyFile, instance: str, session: Any
) -> ProcessingStep:
    """The step that extracts card.json, which has the metrics, from model.tar.gz.

    A condition can read only files of processing steps.
    """
    archive, folder = f"{FOLDER}/model", f"{FOLDER}/card"
    command = ["tar", "--extract", "--gzip", "--wildcards", "--file", f"{archive}/model.tar.gz", "--directory", folder]
    model = trained.properties.ModelArtifacts.S3ModelArtifacts
    return ProcessingStep(
        name="OpenCard",
        step_args=processor(image, role, command, instance, session).run(
            arguments=["*card.json"],
            inputs=[ProcessingInput(input_name="model", source=model, destination=archive)],
            outputs=[ProcessingOutput(output_name="card", source=folder)],
        ),
        property_files=[card],
    )


def register(image: str, role: str, trained: TrainingStep, group: str, session: Any) -> ModelStep:
    """The step that registers the model in the model package group, with the status PendingManualApproval."""
    model = Model(
        image_uri=image,
        model_data=trained.properties.ModelArtifacts.S3ModelArtifacts,
        role=role,
        sagemaker_session=session,
    )
    return ModelStep(
        name="Register",
        step_args=model.register(
            content_types=["application/json", "application/jsonlines", "text/csv"],
            response_types=["application/json", "application/jsonlines", "text/csv"],
            inference_instances=["ml.g5.xlarge", "ml.m5.xlarge"],
            transform_instances=["ml.g5.xlarge"],
            model_package_group_name=group,
            approval_status="PendingManualApproval",
        ),
    )


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m examples.sdk_v2_pipeline")
    add_arguments(parser)
    parser.add_argument("--role", required=True)
    parser.add_argument("--root", required=True, help="s3://BUCKET/PREFIX")
    parser.add_argument("--group", help="model package group in which to register the model")
    parser.add_argument("--local", action="store_true", help="run on this machine")
    return parser.parse_args()


def main() -> None:
    """Create or update the pipeline and start it."""
    options = parse()
    images = selected_uris(options)
    session = LocalPipelineSession() if options.local else PipelineSession()
    instances = {"processing": "local", "training": "local"} if options.local else None
    group = None if options.local else options.group
    reviews = pipeline("reviews", images, options.role, options.root, group, session, instances=instances)
    reviews.upsert(role_arn=options.role)
    reviews.start()


if __name__ == "__main__":
    main()
