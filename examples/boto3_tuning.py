"""Hyperparameter tuning with plain boto3: the request of client.create_hyper_parameter_tuning_job(**request).

Its objective is one of the metrics that the training image logs.
"""

from __future__ import annotations

from collections.abc import Mapping

from examples import boto3_jobs as jobs
from examples.account import Account, Request
from examples.metric_definitions import METRIC_DEFINITIONS

# What a tuning job's definition says as a training job does.
SHARED = (
    "RoleArn",
    "AlgorithmSpecification",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "StoppingCondition",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "VpcConfig",
)


def tuning_job(
    name: str,
    image: str,
    account: Account,
    prepared: str,
    model: str,
    output: str,
    hyperparameters: Mapping[str, object],
    ranges: Mapping[str, list[Request]],
    objective: str = "validation:f1",
    trials: int = 20,
    parallel: int = 2,
) -> Request:
    """Training jobs that differ in what `ranges` name, each next one chosen by how good those before were.

    Without checkpoints, hence without spot: a trial that found another's would go on from them.

    Args:
        hyperparameters: the same in every trial.
        ranges: such as continuous("learning_rate", 1e-5, 1e-4) | categorical("train_batch_size", 16, 32).
        objective: name of a metric to maximize.

    Raises:
        ValueError: no metric of that name is logged.
    """
    check_objective(objective)
    training = jobs.training_job(name, image, account, prepared, model, output, hyperparameters, spot=False)
    definition = {key: training[key] for key in SHARED if key in training}
    definition["StaticHyperParameters"] = training["HyperParameters"]
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": objective},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": trials, "MaxParallelTrainingJobs": parallel},
            "ParameterRanges": dict(ranges),
            "TrainingJobEarlyStoppingType": "Auto",
        },
        "TrainingJobDefinition": definition,
    }


def check_objective(name: str) -> None:
    """Raises ValueError: no metric of that name is logged."""
    metrics = [metric["Name"] for metric in METRIC_DEFINITIONS]
    if name not in metrics:
        raise ValueError(f"objective is {name!r}, expected one of {', '.join(metrics)}")


def continuous(name: str, least: float, most: float) -> dict[str, list[Request]]:
    """Any number between, tried on a logarithmic scale."""
    span = {"Name": name, "MinValue": str(least), "MaxValue": str(most), "ScalingType": "Logarithmic"}
    return {"ContinuousParameterRanges": [span]}


def categorical(name: str, *values: object) -> dict[str, list[Request]]:
    return {"CategoricalParameterRanges": [{"Name": name, "Values": [str(value) for value in values]}]}
