"""The Airflow DAG, by replacements for Airflow's classes: it is too large to be one of the tests' libraries."""

from __future__ import annotations

import importlib
import json
import re
import sys
from types import ModuleType
from typing import Any

import pytest
from service_model import errors_of

from examples.account import Account

OPERATIONS = {"process": "CreateProcessingJob", "train": "CreateTrainingJob", "create_model": "CreateModel"}
HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
IMAGES = {name: f"{HOST}/sagemaker-huggingface-{name}:1" for name in ("processing", "training", "inference")}


class Operator:
    """Records its configuration; >> returns the task on the right, as Airflow's does."""

    made: dict[str, Operator]

    def __init__(self, task_id: str, config: dict[str, Any]) -> None:
        self.config, self.after = config, ""
        self.task_id = task_id
        self.made[task_id] = self

    def __rshift__(self, other: Operator) -> Operator:
        other.after = self.task_id
        return other


class Dag:
    def __init__(self, name: str, **_: Any) -> None:
        self.name = name

    def __enter__(self) -> Dag:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def airflow_dag(monkeypatch: pytest.MonkeyPatch) -> Any:
    Operator.made = {}
    operators = {f"SageMaker{kind}Operator": Operator for kind in ("Processing", "Training", "Model")}
    variables = {
        "job_images": json.dumps({"images": {name: {"uri_by_digest": uri} for name, uri in IMAGES.items()}}),
        "job_role": "arn:aws:iam::123456789012:role/jobs",
        "job_root": "s3://b/reviews",
    }

    class Variable:
        @staticmethod
        def get(name: str, deserialize_json: bool = False) -> Any:
            return json.loads(variables[name]) if deserialize_json else variables[name]

    modules: dict[str, dict[str, Any]] = {
        "airflow.models.variable": {"Variable": Variable},
        "airflow.providers.amazon.aws.operators.sagemaker": operators,
        "airflow.sdk": {"DAG": Dag},
    }
    for name, content in modules.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "examples.airflow_dag", raising=False)
    return importlib.import_module("examples.airflow_dag")


def rendered(value: Any) -> Any:
    """What Airflow makes of the templates in a configuration."""
    if isinstance(value, dict):
        return {key: rendered(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [rendered(inner) for inner in value]
    if not isinstance(value, str):
        return value
    return re.sub(r"\{\{ ts.*?\}\}", "20260101t000000", re.sub(r"\{\{ ti.*?\}\}", "s3://b/model.tar.gz", value))


def test_the_tasks_run_in_order_with_valid_requests(airflow_dag: Any) -> None:
    assert airflow_dag.from_variables().name == "reviews"
    assert {name: made.after for name, made in Operator.made.items()} == {
        "process": "",
        "train": "process",
        "create_model": "train",
    }
    for name, made in Operator.made.items():
        assert errors_of(OPERATIONS[name], rendered(made.config)) == []


def test_the_account_is_that_of_the_caller(airflow_dag: Any) -> None:
    account = Account("arn:aws:iam::123456789012:role/other", isolated=False)
    requests = airflow_dag.requests(IMAGES, account, "s3://b/reviews")
    assert {request.get("RoleArn") or request["ExecutionRoleArn"] for request in requests.values()} == {account.role}
