from __future__ import annotations

import pytest
import torch

from inference.device import SPINS, choose, cores, worker_environment

NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("flags", "dtype"),
    [(NONE, torch.float32), (frozenset({"avx512f"}), torch.float32), (frozenset({"amx_bf16"}), torch.bfloat16)],
)
def test_a_cpu_computes_in_bfloat16_where_it_can(flags: frozenset[str], dtype: torch.dtype) -> None:
    assert choose("auto", None, flags).dtype == dtype


def test_the_launcher_decides() -> None:
    device = choose("float32", None, frozenset({"amx_bf16"}))
    assert (device.dtype, device.is_gpu) == (torch.float32, False)
    assert choose("float16", 1, NONE).device == torch.device("cuda", 1)


def test_workers_share_the_cores_and_stay_offline() -> None:
    assert worker_environment({}, 1)["OMP_NUM_THREADS"] == str(cores())
    assert worker_environment({}, 10_000)["OMP_NUM_THREADS"] == "1"
    assert worker_environment({}, 1)["HF_HUB_OFFLINE"] == "1"
    assert worker_environment({}, 1)["GOMP_SPINCOUNT"] == SPINS
    assert "GOMP_SPINCOUNT" not in worker_environment({"OMP_WAIT_POLICY": "PASSIVE"}, 1)
    assert worker_environment({"OMP_NUM_THREADS": "3"}, 1)["OMP_NUM_THREADS"] == "3"
