import importlib.util
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from contract.failures import UserError
from training import arguments


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
    monkeypatch.setattr(arguments, "cpu_flags", lambda: frozenset(flags))
    args = arguments.build(given, tmp_path, evaluates=True, world_size=1)
    assert args.bf16 == given.get("bf16", expected)


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
    ("given", "sharded", "expected"),
    [(None, False, arguments.CPU_TOKENS), (0, False, 0), (64, False, 64), (None, True, 0)],
)
def test_sharded_parameters_take_batches_as_a_whole(given: int | None, sharded: bool, expected: int) -> None:
    args: Any = SimpleNamespace(fsdp=["full_shard"] * sharded, deepspeed=None, world_size=2)
    assert arguments.micro_batch_tokens(given, args) == expected


def test_sharded_parameters_refuse_micro_batches() -> None:
    args: Any = SimpleNamespace(fsdp=["full_shard"], deepspeed=None, world_size=2)
    with pytest.raises(UserError, match="tokens_per_batch is 64, expected 0"):
        arguments.micro_batch_tokens(64, args)
