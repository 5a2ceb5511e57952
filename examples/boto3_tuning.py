"""Request of boto3's SageMaker client for a tuning job: client.create_hyper_parameter_tuning_job(**request).

The objective is one of the metrics that the training image logs.
"""

from __future__ import annotations

from collections.abc import Mapping

from examples import boto3_jobs as jobs
from examples.account import Account, Request
from examples.metric_definitions import METRIC_DEFINITIONS

# Ends of the names of metrics of which the least value is the best.
ERRORS = ("loss", "rmse", "mae", "calibration_error")
# Fields of a training job's request that the TrainingJobDefinition of a tuning job has too.
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
    """Request of create_hyper_parameter_tuning_job: Bayesian search over `ranges`, without checkpoints and spot.

    Args:
        hyperparameters: hyperparameters that are the same in every trial.
        ranges: such as continuous("learning_rate", 1e-5, 1e-4) | categorical("train_batch_size", 16, 32).
        objective: name of the metric to maximize, or of the error to minimize.
        trials, parallel: number of training jobs in all, and at the same time.

    Raises:
        ValueError: the training image logs no metric with the name `objective`.
    """
    check_objective(objective)
    training = jobs.training_job(name, image, account, prepared, model, output, hyperparameters, spot=False)
    definition = {key: training[key] for key in SHARED if key in training}
    definition["StaticHyperParameters"] = training["HyperParameters"]
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": direction(objective), "MetricName": objective},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": trials, "MaxParallelTrainingJobs": parallel},
            "ParameterRanges": dict(ranges),
            "TrainingJobEarlyStoppingType": "Auto",
        },
        "TrainingJobDefinition": definition,
    }


def direction(objective: str) -> str:
    """Whether the greatest or the least value of a metric is the best."""
    return "Minimize" if objective.endswith(ERRORS) else "Maximize"


def check_objective(name: str) -> None:
    """Raise ValueError unless the training image logs a metric with this name."""
    metrics = [metric["Name"] for metric in METRIC_DEFINITIONS]
    if name not in metrics:
        raise ValueError(f"objective is {name!r}, expected one of {', '.join(metrics)}")


def continuous(name: str, least: float, most: float) -> dict[str, list[Request]]:
    """A range of numbers, searched on a logarithmic scale."""
    span = {"Name": name, "MinValue": str(least), "MaxValue": str(most), "ScalingType": "Logarithmic"}
    return {"ContinuousParameterRanges": [span]}


def categorical(name: str, *values: object) -> dict[str, list[Request]]:
    """A set of values to choose from."""
    return {"CategoricalParameterRanges": [{"Name": name, "Values": [str(value) for value in values]}]}
