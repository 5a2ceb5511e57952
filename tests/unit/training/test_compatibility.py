"""Names of transformers 4 and of its examples."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest

from contract.failures import UserError
from training import compatibility
from training.hyperparameters import argument_kinds, known_names, parse


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"evaluation_strategy": "steps"}, {"eval_strategy": "steps"}),
        ({"no_cuda": "True"}, {"use_cpu": True}),
        ({"per_gpu_train_batch_size": "4"}, {"per_device_train_batch_size": 4}),
        ({"group_by_length": "true"}, {"train_sampling_strategy": "group_by_length"}),
        ({"group_by_length": "false"}, {}),
        ({"adafactor": "True"}, {"optim": "adafactor"}),
        ({"overwrite_output_dir": "True", "do_train": "true", "save_safetensors": "True"}, {}),
        ({"output_dir": "/opt/ml/model", "logging_dir": "/opt/ml/output/logs"}, {}),
        ({"push_to_hub": "False", "trust_remote_code": "False", "do_regression": '"false"'}, {}),
    ],
)
def test_names_of_transformers_4_work(
    given: dict[str, str], expected: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert parse(given).arguments == expected
    named = [name for name in given if name not in ("push_to_hub",)]
    assert all(name in caplog.text for name in named)


def test_names_of_the_example_script_are_ours() -> None:
    options = parse({"text_column_names": "body", "label_column_name": "stars", "max_seq_length": "64"}).options
    assert (options.text_column, options.label_column, options.max_length) == ("body", "stars", 64)


@pytest.mark.parametrize("name", compatibility.INSTEAD)
def test_what_is_not_here_says_what_to_use(name: str) -> None:
    with pytest.raises(UserError, match=f"hyperparameter {name} is not known here: "):
        parse({name: "1000"})


@pytest.mark.parametrize("name", ["do_train", "save_safetensors", "ignore_mismatched_sizes"])
def test_the_opposite_of_what_is_done_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=f"hyperparameter {name} is 'False', expected true: "):
        parse({name: "False"})


def test_what_has_no_effect_is_true_or_false_all_the_same() -> None:
    parse({"do_predict": "False", "overwrite_cache": "true", "dataloader_pin_memory_device": "cuda"})
    with pytest.raises(UserError, match="hyperparameter do_predict is 'maybe', expected true or false"):
        parse({"do_predict": "maybe"})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("lr", "learning_rate"),
        ("LR", "learning_rate"),
        ("batch_size", "train_batch_size"),
        ("num_epoch", "num_train_epochs|epochs"),
        ("learning-rat", "learning_rate"),
        ("lora_rank", "lora_r"),
    ],
)
def test_hints_are_plausible(name: str, meant: str) -> None:
    with pytest.raises(UserError, match=rf"unknown hyperparameter {name}: did you mean ({meant})\?$"):
        parse({name: "1"})


def test_all_unknown_names_are_named_at_once() -> None:
    hints = "leaning_rate (did you mean learning_rate?), colour (--help lists the known ones)"
    with pytest.raises(UserError, match=f"^unknown hyperparameters {re.escape(hints)}$"):
        parse({"leaning_rate": "1", "seed": "1", "colour": "1"})


def test_defaults_of_transformers_4_are_taken() -> None:
    values = {"half_precision_backend": "auto", "past_index": "-1", "fp16_opt_level": "O1", "ray_scope": "last"}
    assert parse(values).arguments == {}
    assert compatibility.OFF.keys() <= compatibility.INSTEAD.keys()


def test_one_text_column_is_read() -> None:
    assert parse({"text_column_names": "body"}).options.text_column == "body"
    with pytest.raises(UserError, match="text_column_names is 'title,body', expected one column: join the columns"):
        parse({"text_column_names": "title,body"})


def test_an_empty_text_is_no_name() -> None:
    options = parse({"text_column": "", "model_name": '""', "model_revision": "main"}).options
    assert (options.text_column, options.model_name, options.model_revision) == (None, None, "main")


def test_a_name_that_is_like_no_other_lists_none() -> None:
    with pytest.raises(UserError, match="^unknown hyperparameter colour: --help lists the known ones$"):
        parse({"colour": "1"})


def test_two_spellings_of_one_number_agree() -> None:
    assert parse({"epochs": "2", "num_train_epochs": "2.0"}).arguments == {"num_train_epochs": 2.0}
    with pytest.raises(UserError, match="the same option"):
        parse({"evaluation_strategy": "no", "eval_strategy": "steps"})


def test_every_new_name_is_one() -> None:
    names = known_names(argument_kinds())
    fields = [name for name, _ in compatibility.SWITCHES.values()]
    assert {*compatibility.RENAMED.values(), *compatibility.MEANT.values(), *fields} <= names.keys()
    assert not {*compatibility.MEANT, *compatibility.INSTEAD} & names.keys()
