"""An Airflow DAG of the images, by the operators of apache-airflow-providers-amazon 9. A file in the DAGs folder has:

    from examples.airflow_dag import from_variables

    reviews = from_variables()

It reads the Airflow variables job_images (the content of images.json), job_role and job_root (s3://BUCKET/PREFIX).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.models.variable import Variable
from airflow.providers.amazon.aws.operators.sagemaker import (
    SageMakerModelOperator,
    SageMakerProcessingOperator,
    SageMakerTrainingOperator,
)
from airflow.sdk import DAG

from examples import boto3_jobs as jobs
from examples.account import Account, Request

ARGUMENTS = ["--max-length", "128", "--label-threshold", "4"]
HYPERPARAMETERS = {"epochs": 1, "train_batch_size": 32, "learning_rate": 5e-5}
# Rendered by Airflow when a task runs: the name of the run's jobs, and the model of the task `train`.
NAME = "reviews-{{ ts_nodash | lower }}"
TRAINED = "{{ ti.xcom_pull(task_ids='train')['Training']['ModelArtifacts']['S3ModelArtifacts'] }}"


def requests(images: dict[str, str], account: Account, root: str) -> dict[str, Request]:
    """The configuration of each operator, by task: the request that boto3 would get.

    Args:
        images: URI by digest of each image.
    """
    prepared, model = f"{root}/prepared", f"{root}/model"
    return {
        "process": jobs.processing_job(NAME, images["processing"], account, f"{root}/raw", model, prepared, ARGUMENTS),
        "train": jobs.training_job(
            NAME, images["training"], account, prepared, model, f"{root}/models", HYPERPARAMETERS, spot=False
        ),
        "create_model": jobs.model(NAME, images["inference"], account, TRAINED),
    }


def dag(images: dict[str, str], account: Account, root: str) -> Any:
    """The DAG: process, train, create the model."""
    config = requests(images, account, root)
    with DAG("reviews", schedule=None, start_date=datetime(2026, 1, 1), catchup=False) as made:
        process = SageMakerProcessingOperator(task_id="process", config=config["process"])
        train = SageMakerTrainingOperator(task_id="train", config=config["train"])
        create = SageMakerModelOperator(task_id="create_model", config=config["create_model"])
        _ = process >> train >> create
    return made


def from_variables() -> Any:
    """The DAG of the Airflow variables."""
    entries = Variable.get("job_images", deserialize_json=True)["images"]
    images = {name: entry["uri_by_digest"] for name, entry in entries.items()}
    return dag(images, Account(Variable.get("job_role")), Variable.get("job_root"))
