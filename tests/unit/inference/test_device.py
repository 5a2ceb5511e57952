from __future__ import annotations

import pytest
import torch

from contract.failures import UserError
from contract.machine import threads
from inference.device import SPINS, choose, default_workers, set_threads, worker_environment

NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("flags", "dtype"),
    [(NONE, torch.float32), (frozenset({"avx512f"}), torch.float32), (frozenset({"amx_bf16"}), torch.bfloat16)],
)
def test_a_cpu_uses_bfloat16_if_its_hardware_does(flags: frozenset[str], dtype: torch.dtype) -> None:
    assert choose("auto", None, flags).dtype == dtype


def test_the_launchers_dtype_and_variables_are_kept() -> None:
    device = choose("float32", None, frozenset({"amx_bf16"}))
    assert (device.dtype, device.is_gpu) == (torch.float32, False)
    assert choose("float16", 1, NONE).device == torch.device("cuda", 1)


def test_workers_share_the_cores_and_stay_offline() -> None:
    assert worker_environment({}, 1)["OMP_NUM_THREADS"] == str(threads())
    assert worker_environment({}, 10_000)["OMP_NUM_THREADS"] == "1"
    assert worker_environment({}, 1)["HF_HUB_OFFLINE"] == "1"
    assert worker_environment({}, 1)["ORT_DISABLE_TELEMETRY"] == "1"
    assert worker_environment({}, 1)["GOMP_SPINCOUNT"] == SPINS
    assert "GOMP_SPINCOUNT" not in worker_environment({"OMP_WAIT_POLICY": "PASSIVE"}, 1)
    assert worker_environment({"OMP_NUM_THREADS": "3"}, 1)["OMP_NUM_THREADS"] == "3"


def test_workers_share_the_cores_of_the_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference.device.threads", lambda: 8)
    assert worker_environment({}, 2)["OMP_NUM_THREADS"] == "4"


def test_every_gpu_gets_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference.device.gpus", lambda *_: ["0", "1"])
    assert default_workers() == 2
    monkeypatch.setattr("inference.device.gpus", lambda *_: [])
    assert default_workers() == 1


@pytest.mark.parametrize(("value", "count"), [("", None), ("3", 3), ("4,2", 4)])
def test_the_launchers_threads(value: str, count: int | None) -> None:
    assert set_threads({"OMP_NUM_THREADS": value}) == count


@pytest.mark.parametrize("value", ["0", "-1", "many", ",2"])
def test_threads_that_are_no_number_are_refused(value: str) -> None:
    with pytest.raises(UserError, match="OMP_NUM_THREADS is "):
        set_threads({"OMP_NUM_THREADS": value})
