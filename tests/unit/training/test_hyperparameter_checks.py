"""What is refused before a process starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.failures import UserError
from training import arguments, devices, hyperparameter_checks
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
        ("seed", "4294967296", "seed is 4294967296, expected at least 0 and at most 4294967295"),
        ("eval_batch_size", "1e30", "per_device_eval_batch_size is 1.*, expected at most 2147483647"),
        ("dataloader_num_workers", "5000", "dataloader_num_workers is 5000, expected at least 0 and at most 1024"),
        ("max_length", "-1", "max_length is -1, expected at least 1"),
        ("pad_to_multiple_of", "0", "pad_to_multiple_of is 0, expected at least 1"),
        ("checkpoint_minutes", "-1", "checkpoint_minutes is -1.0, expected at least 0"),
        ("tokens_per_batch", "-5", "tokens_per_batch is -5, expected at least 0"),
        ("max_nonfinite_steps", "0", "max_nonfinite_steps is 0, expected at least 1"),
        ("early_stopping_patience", "0", "early_stopping_patience is 0, expected at least 1"),
        ("lora_r", "0", "lora_r is 0, expected at least 1"),
        ("validation_fraction", "0", "validation_fraction is 0.0, expected more than 0 and less than 1"),
        ("validation_fraction", "1", "validation_fraction is 1.0, expected more than 0 and less than 1"),
        ("processes_per_host", "0", "processes_per_host is 0, expected at least 1 and at most 1024"),
        (
            "processes_per_host",
            "1e20",
            "processes_per_host is 100000000000000000000, expected at least 1 and at most 1024",
        ),
        ("model_name", 3000 * "x", "model_name is 'xxx.*, expected a model's folder or its name on the hub"),
        ("adam_beta1", "1", "adam_beta1 is 1.0, expected at least 0 and less than 1"),
        ("max_steps", "0", "max_steps is 0, expected at least 1, or -1 for none"),
        ("optim", "adamw", "optim is 'adamw', expected one of adamw_torch, adamw_torch_fused"),
        ("eval_strategy", "epochs", "eval_strategy is 'epochs', expected one of no, steps, epoch"),
        ("lr_scheduler_type", " ", "lr_scheduler_type is ' ', expected one of linear, cosine"),
        ("fsdp", "full_shard wrap", "fsdp is 'wrap', expected one of full_shard, "),
        ("optim", "", "optim is '', expected one of"),
        ("log_level", "loud", "log_level is 'loud', expected one of detail, debug, info, .* passive$"),
        ("torch_compile_backend", "x", "torch_compile_backend is 'x', expected one of no, eager, aot_eager, inductor"),
        ("torch_compile_mode", "fast", "torch_compile_mode is 'fast', expected one of default, reduce-overhead"),
        ("lr_scheduler_kwargs", "abc", "lr_scheduler_kwargs is 'abc', expected a JSON object"),
        ("train_sampling_strategy", "x", "train_sampling_strategy is 'x', expected one of group_by_length, random"),
        ("ddp_backend", "x", "ddp_backend is 'x', expected one of nccl, gloo"),
        ("seed", "x" * 3000, f"seed is '{96 * 'x'}\\.\\.\\., expected a whole number"),
    ],
)
def test_a_value_that_cannot_work_is_one_sentence(name: str, value: str, expected: str) -> None:
    with pytest.raises(UserError, match=f"^hyperparameter {expected}"):
        check(**{name: value})


def test_fsdp_is_checked_before_ranks_start() -> None:
    with pytest.raises(UserError, match="fsdp_config has version 1, expected 2"):
        check(fsdp="full_shard", fsdp_config='{"fsdp_version": 1}')


def test_every_range_and_name_is_of_a_field() -> None:
    known = argument_kinds().keys() | vars(parse({}).options).keys()
    assert hyperparameter_checks.RANGES.keys() <= known
    assert {*hyperparameter_checks.NAMES, *hyperparameter_checks.OBJECTS, *hyperparameter_checks.REQUIRED} <= known


def test_fp16_that_is_given_wins_over_bf16_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "cpu_flags", lambda: frozenset({"avx512_bf16"}))
    assert "bf16" in arguments.in_force({}, evaluates=True)
    assert "bf16" not in arguments.in_force({"fp16": True}, evaluates=True)
    assert "bf16" in arguments.in_force({"fp16": False}, evaluates=True)
    with pytest.raises(UserError, match="fp16 is true, but this training is on the CPU; expected bf16, or a GPU"):
        arguments.build({"fp16": True}, tmp_path, evaluates=True, world_size=1)
