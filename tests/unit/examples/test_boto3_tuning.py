"""Validates the tuning request by the service description; the training tests apply the regexes to real logs."""

from __future__ import annotations

from typing import Any

import pytest
from service_model import errors_of

from examples.account import Account
from examples.boto3_tuning import categorical, continuous, tuning_job
from examples.metric_definitions import METRIC_DEFINITIONS
from training.hyperparameters import parse

RANGES = continuous("learning_rate", 1e-5, 1e-4) | categorical("train_batch_size", 16, 32)


def request(**settings: Any) -> dict[str, Any]:
    account = Account("arn:aws:iam::123456789012:role/jobs", None, ("subnet-1",), ("sg-1",))
    where = ("s3://b/prepared", "s3://b/model", "s3://b/out")
    return tuning_job("tune", "image:1", account, *where, {"epochs": 3}, RANGES, **settings)


def test_the_request_is_valid_by_the_service_description() -> None:
    assert errors_of("CreateHyperParameterTuningJob", request()) == []


def test_a_broken_field_is_found() -> None:
    broken = request()
    broken["HyperParameterTuningJobConfig"]["Strategy"] = "Guessing"
    [found] = errors_of("CreateHyperParameterTuningJob", broken)
    assert "Strategy is 'Guessing', expected one of" in found


def test_the_objective_is_a_metric_that_is_defined() -> None:
    made = request(objective="validation:accuracy")
    specification = made["TrainingJobDefinition"]["AlgorithmSpecification"]
    assert specification["MetricDefinitions"] == METRIC_DEFINITIONS
    objective = made["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["MetricName"]
    assert objective in {metric["Name"] for metric in METRIC_DEFINITIONS}
    with pytest.raises(ValueError, match="objective is 'accuracy', expected one of train:loss, "):
        request(objective="accuracy")


@pytest.mark.parametrize(
    ("objective", "kind"), [("validation:f1", "Maximize"), ("validation:loss", "Minimize"), ("test:rmse", "Minimize")]
)
def test_errors_are_minimized(objective: str, kind: str) -> None:
    found = request(objective=objective)["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    assert found == {"Type": kind, "MetricName": objective}


def test_sagemaker_takes_as_many_metric_definitions() -> None:
    assert len(METRIC_DEFINITIONS) <= 40


def test_trials_share_no_checkpoints() -> None:
    definition = request()["TrainingJobDefinition"]
    assert not {"CheckpointConfig", "EnableManagedSpotTraining"} & set(definition)
    assert definition["EnableNetworkIsolation"] is True


def test_training_accepts_the_hyperparameters_of_a_trial() -> None:
    """Static hyperparameters, values of a trial, and the objective, which the tuner adds."""
    ranges = request()["HyperParameterTuningJobConfig"]["ParameterRanges"]
    tried = {span["Name"]: span["MinValue"] for span in ranges["ContinuousParameterRanges"]}
    tried |= {span["Name"]: span["Values"][0] for span in ranges["CategoricalParameterRanges"]}
    fixed = request()["TrainingJobDefinition"]["StaticHyperParameters"]
    told = parse(fixed | tried | {"_tuning_objective_metric": "validation:f1"})
    assert told.arguments == {"num_train_epochs": 3, "per_device_train_batch_size": 16, "learning_rate": 1e-5}
