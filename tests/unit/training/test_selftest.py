from __future__ import annotations

import pytest
import torch

from contract.selftest import NotHereError
from training import selftest


def test_two_processes_add_up_their_numbers() -> None:
    assert selftest.collective("gloo", 2) == "2 process(es)"


def test_a_backend_that_does_not_work_is_a_failure() -> None:
    with pytest.raises(Exception, match="no-such-backend"):
        selftest.collective("no-such-backend", 1)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_nccl_needs_a_gpu() -> None:
    with pytest.raises(NotHereError):
        selftest.nccl()
