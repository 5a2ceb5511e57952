"""What is refused before a process starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers.training_args import OptimizerNames

from contract.failures import UserError
from training import arguments, hyperparameter_checks
from training.hyperparameters import argument_kinds, parse


def check(**values: str) -> None:
    hyperparameter_checks.check(parse(values))


def test_the_defaults_pass_and_what_published_examples_send() -> None:
    check()
    check(eval_strategy="epoch", save_strategy="best", optim="adafactor", fsdp="full_shard auto_wrap")
    check(lr_scheduler_type="cosine", logging_strategy="steps", learning_rate="5e-5", warmup_steps="500")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("train_batch_size", "0", "per_device_train_batch_size is 0, expected at least 1"),
        ("epochs", "0", "num_train_epochs is 0.0, expected more than 0"),
        ("epochs", "nan", "num_train_epochs is nan, expected more than 0"),
        ("learning_rate", "inf", "learning_rate is inf, expected more than 0"),
        ("seed", "4294967296", "seed is 4294967296, expected at least 0 and at most 4.29497e\\+09"),
        ("max_length", "-1", "max_length is -1, expected at least 1"),
        ("pad_to_multiple_of", "0", "pad_to_multiple_of is 0, expected at least 1"),
        ("checkpoint_minutes", "-1", "checkpoint_minutes is -1.0, expected at least 0"),
        ("tokens_per_batch", "-5", "tokens_per_batch is -5, expected at least 0"),
        ("adam_beta1", "1", "adam_beta1 is 1.0, expected at least 0 and less than 1"),
        ("max_steps", "0", "max_steps is 0, expected at least 1, or -1 for none"),
        ("optim", "adamw_bnb_8bit", "optim is 'adamw_bnb_8bit', which needs the package bitsandbytes"),
        ("report_to", "wandb", "report_to is 'wandb', whose package is not in this image; expected none or"),
        ("report_to", "paper", "report_to is 'paper', expected none, all or one of azure_ml"),
        ("optim", "adamw", "optim is 'adamw', expected one of adamw_torch, adamw_torch_fused"),
        ("eval_strategy", "epochs", "eval_strategy is 'epochs', expected one of no, steps, epoch"),
        ("lr_scheduler_type", " ", "lr_scheduler_type is ' ', expected one of linear, cosine"),
        ("fsdp", "full_shard wrap", "fsdp is 'wrap', expected one of full_shard, "),
        ("use_liger_kernel", "true", "use_liger_kernel is true, which needs the package liger_kernel"),
    ],
)
def test_a_value_that_cannot_work_is_one_sentence(name: str, value: str, expected: str) -> None:
    with pytest.raises(UserError, match=f"^hyperparameter {expected}"):
        check(**{name: value})


@pytest.mark.parametrize("values", [{"report_to": "none"}, {"report_to": "all"}, {"report_to": "tensorboard"}])
def test_trackers_that_need_nothing_pass(values: dict[str, str]) -> None:
    check(**values)


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


@pytest.mark.parametrize("name", ["lora_alpha", "lora_dropout"])
def test_settings_of_lora_want_a_rank(name: str) -> None:
    with pytest.raises(UserError, match=f"hyperparameter {name} is set, but lora_r is not; expected both"):
        check(**{name: "0.5"})
    check(**{name: "0.5", "lora_r": "4"})


def test_every_range_and_package_is_of_a_field() -> None:
    known = argument_kinds().keys() | vars(parse({}).options).keys()
    assert hyperparameter_checks.RANGES.keys() <= known
    values = [each.value for each in OptimizerNames]
    assert all(any(part in value for value in values) for part in hyperparameter_checks.OPTIMIZER_PACKAGES)


def test_fp16_that_is_given_wins_over_bf16_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arguments, "cpu_flags", lambda: frozenset({"avx512_bf16"}))
    assert "bf16" in arguments.in_force({}, evaluates=True)
    assert "bf16" not in arguments.in_force({"fp16": True}, evaluates=True)
    assert "bf16" in arguments.in_force({"fp16": False}, evaluates=True)
    with pytest.raises(UserError, match="fp16 is true, but this training is on the CPU; expected bf16, or a GPU"):
        arguments.build({"fp16": True}, tmp_path, evaluates=True, world_size=1)
