import json
from pathlib import Path

import pytest

from contract.failures import UserError
from training.hyperparameters import parse, read
from training.options import TrainingOptions


def test_the_names_of_the_examples_and_of_transformers_are_known() -> None:
    asked = parse(
        {"epochs": "2", "train_batch_size": "16", "warmup_steps": "500", "learning_rate": "5e-5", "bf16": "True"}
    )
    assert asked.arguments == {
        "num_train_epochs": 2.0,
        "per_device_train_batch_size": 16,
        "warmup_steps": 500.0,
        "learning_rate": 5e-5,
        "bf16": True,
    }
    assert asked.options == TrainingOptions()


@pytest.mark.parametrize("name", ["a b", "it's $HOME", 'say "hi"', "`ls`; rm -rf x"])
def test_text_arrives_as_it_was_written_raw_or_quoted(name: str) -> None:
    assert parse({"model_name": name}).options.model_name == name
    assert parse({"model_name": json.dumps(name)}).options.model_name == name


@pytest.mark.parametrize(("text", "expected"), [("False", False), ("true", True), ('"false"', False)])
def test_truth_is_read_not_cast(text: str, expected: bool) -> None:
    assert parse({"resume": text}).options.resume is expected


@pytest.mark.parametrize("text", ["none", "None", "null"])
def test_none_is_none(text: str) -> None:
    assert parse({"processes_per_host": text}).options.processes_per_host is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epoch": "1"}, "unknown hyperparameter epoch: did you mean epochs?"),
        ({"epochs": "1", "num_train_epochs": "2"}, "the same option"),
        ({"learning_rate": "fast"}, "hyperparameter learning_rate is 'fast', expected a number"),
        ({"push_to_hub": "True"}, "push_to_hub cannot be set"),
        ({"prediction_loss_only": "true"}, "prediction_loss_only cannot be set: the metrics"),
        ({"eval_do_concat_batches": "false"}, "eval_do_concat_batches cannot be set: metrics are of all rows"),
        ({"label_names": '["label"]'}, "label_names cannot be set: labels are in"),
        ({"bf16_full_eval": "true"}, "bf16_full_eval cannot be set: evaluation"),
    ],
)
def test_what_cannot_be_meant_is_refused(values: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message.replace("?", r"\?")):
        parse(values)


@pytest.mark.parametrize(
    ("name", "value"), [("push_to_hub", "False"), ("eval_do_concat_batches", "True"), ("prediction_loss_only", "False")]
)
def test_a_field_that_the_image_decides_may_say_what_it_decides(name: str, value: str) -> None:
    assert parse({name: value}).arguments == {}


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    assert read(tmp_path / "hyperparameters.json").arguments == {}


def test_a_file_that_holds_no_object_is_named(tmp_path: Path) -> None:
    path = tmp_path / "hyperparameters.json"
    path.write_text("[]")
    with pytest.raises(UserError, match="expected a JSON object"):
        read(path)
