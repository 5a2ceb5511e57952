"""Hyperparameters of which one leaves another without effect."""

from __future__ import annotations

import logging
from dataclasses import fields

import pytest
from transformers import TrainingArguments

from contract.failures import UserError
from training import hyperparameter_pairs
from training.hyperparameter_checks import check as check_all
from training.hyperparameters import parse


def check(**values: str) -> None:
    check_all(parse(values))


def test_pairs_that_leave_one_without_effect_are_refused() -> None:
    check(early_stopping_patience="2", eval_strategy="steps")
    with pytest.raises(UserError, match="early_stopping_patience is 2, but eval_strategy is no; expected epoch"):
        check(early_stopping_patience="2", evaluation_strategy="no")
    with pytest.raises(UserError, match="fp16 and bf16 are both true"):
        check(fp16="true", bf16="true")
    with pytest.raises(UserError, match="lora_target_modules is set, but lora_r is not"):
        check(lora_target_modules="query")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"metric_for_best_model": "f1", "greater_is_better": "false"}, "the best f1 is the greatest; expected true"),
        ({"greater_is_better": "true"}, "the best loss is the least; expected false"),
        ({"metric_for_best_model": "eval_loss", "greater_is_better": "True"}, "the best loss is the least"),
    ],
)
def test_the_worst_model_is_not_taken_for_the_best(values: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check(**values)
    check(metric_for_best_model="f1", greater_is_better="true")
    # Not "the best mse is the greatest": the name is what is wrong, and check_metric says so.
    check(metric_for_best_model="mse", greater_is_better="false")


@pytest.mark.parametrize("name", ["lora_alpha", "lora_dropout"])
def test_settings_of_lora_want_a_rank(name: str) -> None:
    with pytest.raises(UserError, match=f"hyperparameter {name} is set, but lora_r is not; expected both"):
        check(**{name: "0.5"})
    check(**{name: "0.5", "lora_r": "4"})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"optim_args": "momentum=0.9"},
            "but optim is adamw_torch_fused, which takes none",
        ),
        ({"optim": "sgd", "optim_args": "nonsense=1"}, "but optim is sgd, expected name=value of momentum, dampening"),
        ({"optim": "sgd", "optim_args": "momentum"}, "but optim is sgd, expected name=value of momentum"),
        ({"optim_target_modules": "query"}, "optim_target_modules is set, but optim is adamw_torch_fused"),
    ],
)
def test_arguments_that_the_optimizer_does_not_read_are_refused(values: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check(**values)
    check(optim="sgd", optim_args="momentum=0.9, nesterov=true")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"eval_steps": "5"}, "eval_steps has no effect: eval_strategy is epoch"),
        ({"save_steps": "5", "save_strategy": "no"}, "save_steps has no effect: save_strategy is no"),
        ({"epochs": "3", "max_steps": "10"}, "num_train_epochs has no effect: max_steps is 10"),
        (
            {"gradient_checkpointing_kwargs": "{}"},
            "gradient_checkpointing_kwargs has no effect",
        ),
        ({"eval_steps": "5", "eval_strategy": "steps"}, None),
        ({"epochs": "3", "max_steps": "-1"}, None),
    ],
)
def test_what_has_no_effect_is_named_in_the_log(
    caplog: pytest.LogCaptureFixture, values: dict[str, str], message: str | None
) -> None:
    with caplog.at_level(logging.WARNING, hyperparameter_pairs.__name__):
        check(**values)
    if message is None:
        assert not caplog.messages
    else:
        assert caplog.messages[0].startswith(message)


def test_every_name_is_a_field() -> None:
    known = {field.name for field in fields(TrainingArguments)}
    others = {other for other, _ in hyperparameter_pairs.NEEDS.values()}
    assert hyperparameter_pairs.NEEDS.keys() | others <= known
    assert others == hyperparameter_pairs.UNSET.keys()
