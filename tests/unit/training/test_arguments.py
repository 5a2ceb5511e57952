import importlib.util
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import TrainingArguments

from contract.failures import UserError
from training import arguments, devices
from training.devices import Default


def test_what_was_given_wins_over_the_defaults(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    given = {"optim": "sgd", "per_device_eval_batch_size": 5}
    args = arguments.build(given, tmp_path, evaluates=True, world_size=1)
    assert (args.optim.value, args.per_device_eval_batch_size, args.save_total_limit) == ("sgd", 5, 2)
    with caplog.at_level(logging.INFO):
        arguments.explain(given, evaluates=True)
    assert "optim = sgd, as given" in caplog.text
    assert "save_total_limit = 2 by default: the newest checkpoint" in caplog.text


@pytest.mark.parametrize(("flags", "expected"), [({"avx512f"}, False), ({"avx512f", "avx512_bf16"}, True)])
@pytest.mark.parametrize("given", [{}, {"bf16": False}, {"bf16": True}])
def test_the_cpu_decides_on_bf16_unless_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: set[str], expected: bool, given: dict[str, bool]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(devices, "cpu_flags", lambda: frozenset(flags))
    args = arguments.build(given, tmp_path, evaluates=True, world_size=1)
    assert args.bf16 == given.get("bf16", expected)


@pytest.mark.parametrize("name", ["r2", "eval_runtime", ""])
def test_a_metric_that_no_evaluation_has_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=f"metric_for_best_model is '{name}', expected one of loss, accuracy, f1, prec"):
        arguments.build({"metric_for_best_model": name}, tmp_path, evaluates=True, world_size=1)


@pytest.mark.parametrize("name", ["rmse", "eval_mae", "hamming_loss", "loss", "spearman", "roc_auc"])
def test_of_errors_the_least_is_the_best_and_of_other_metrics_the_greatest(tmp_path: Path, name: str) -> None:
    args = arguments.build({"metric_for_best_model": name}, tmp_path, evaluates=True, world_size=1)
    assert args.greater_is_better is (name in ("spearman", "roc_auc"))


@pytest.mark.parametrize("name", ["loss", "eval_loss", "recall", "eval_f1"])
def test_metrics_of_an_evaluation_are_taken(tmp_path: Path, name: str) -> None:
    args = arguments.build({"metric_for_best_model": name}, tmp_path, evaluates=True, world_size=1)
    assert args.metric_for_best_model == name


def test_one_process_keeps_to_one_gpu_and_persists_no_workers_where_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TrainingArguments, "n_gpu", property(lambda _: 4))
    monkeypatch.setattr(arguments, "cpu_defaults", lambda: {"dataloader_persistent_workers": Default(True, "")})
    args = arguments.build({"dataloader_num_workers": 0, "use_cpu": True}, tmp_path, evaluates=True, world_size=1)
    assert (args._n_gpu, args.dataloader_persistent_workers) == (1, False)


def test_values_that_do_not_fit_together_get_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="do not fit together"):
        arguments.build({"bf16": True, "fp16": True}, tmp_path, evaluates=True, world_size=1)


@pytest.mark.parametrize(
    ("installed", "gpu", "use_cpu", "expected"),
    [
        (None, True, False, "deepspeed is not installed"),
        (object(), False, False, "this training is on the CPU"),
        (object(), True, True, "this training is on the CPU"),
    ],
)
def test_deepspeed_that_would_not_run_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: object, gpu: bool, use_cpu: bool, expected: str
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: installed)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    given = {"deepspeed": "zero.json", "use_cpu": use_cpu}
    with pytest.raises(UserError, match=f"hyperparameter deepspeed is set, but {expected}"):
        arguments.build(given, tmp_path, evaluates=True, world_size=1)


@pytest.mark.parametrize(
    ("fsdp", "config", "expected"),
    [
        ("full_shard auto_wrap", None, {"version": 2, "reshard_after_forward": True}),
        (["shard_grad_op"], {"fsdp_min_num_params": 5}, {"reshard_after_forward": False, "min_num_params": 5}),
        ("full_shard", {"version": "2", "reshard_after_forward": False}, {"reshard_after_forward": False}),
        ("", {"version": 1}, {}),
    ],
)
def test_fsdp_is_version_2(fsdp: Any, config: dict[str, Any] | None, expected: dict[str, Any]) -> None:
    found = arguments.fsdp_settings(fsdp, config) or {}
    assert found | expected == found
    assert bool(found) == bool(fsdp)


def test_fsdp_of_version_1_is_refused_also_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "fsdp.json"
    file.write_text('{"fsdp_version": 1}')
    with pytest.raises(UserError, match="hyperparameter fsdp_config has version 1, expected 2"):
        arguments.fsdp_settings("full_shard", str(file))


def test_deepspeed_on_several_hosts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    with pytest.raises(UserError, match="deepspeed is set, but there are 2 hosts; expected 1, or use fsdp"):
        arguments.build({"deepspeed": "zero.json"}, tmp_path, evaluates=True, world_size=8)


@pytest.mark.parametrize(
    ("given", "sharded", "expected"),
    [(None, False, arguments.CPU_TOKENS), (0, False, 0), (64, False, 64), (None, True, 0)],
)
def test_sharded_parameters_take_batches_as_a_whole(given: int | None, sharded: bool, expected: int) -> None:
    device = torch.device("cpu")
    args: Any = SimpleNamespace(fsdp=["full_shard"] * sharded, deepspeed=None, world_size=2, device=device)
    assert arguments.micro_batch_tokens(given, args) == expected


def test_sharded_parameters_refuse_micro_batches() -> None:
    args: Any = SimpleNamespace(fsdp=["full_shard"], deepspeed=None, world_size=2)
    with pytest.raises(UserError, match="tokens_per_batch is 64, expected 0"):
        arguments.micro_batch_tokens(64, args)


def test_one_process_has_no_backend_and_cpus_have_gloo(caplog: pytest.LogCaptureFixture) -> None:
    assert (arguments.backend("nccl", 1, True), arguments.backend(None, 1, True), arguments.backend(None, 2, True)) == (
        None,
        None,
        "gloo",
    )
    assert arguments.backend("nccl", 2, True) == "gloo"
    assert "ddp_backend has no effect: the job has one process" in caplog.text
    assert "ddp_backend = gloo: nccl is for GPUs" in caplog.text


def test_fsdp_config_alone_has_no_effect(caplog: pytest.LogCaptureFixture) -> None:
    assert arguments.fsdp_settings(None, "/no/such/file") is None
    assert "fsdp_config has no effect: fsdp is not set" in caplog.text


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("dataloader_persistent_workers", "dataloader_num_workers is 0"),
        ("dataloader_pin_memory", "pinned memory serves GPUs only"),
    ],
)
def test_a_setting_of_the_loaders_without_effect_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, reason: str
) -> None:
    arguments.build({"use_cpu": True, name: False}, tmp_path, evaluates=True, world_size=1)
    assert name not in caplog.text
    arguments.build({"use_cpu": True, name: True}, tmp_path, evaluates=True, world_size=1)
    assert f"{name} has no effect: {reason}" in caplog.text


def test_a_training_without_evaluations_says_which_weights_it_delivers(caplog: pytest.LogCaptureFixture) -> None:
    arguments.explain({"eval_strategy": "no", "save_strategy": "no"}, evaluates=True)
    assert "eval_strategy = no: without evaluations the weights of the last step are delivered" in caplog.text
