"""What training does on a device: the first GPU, and where there is none the CPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from contract.checks import bf16, gpu
from contract.selftest import NotHereError
from training import arguments, devices
from training.microbatches import on_device
from training.selftest import nccl
from training.throughput import Cost, peak

pytestmark = pytest.mark.gpu
ON_GPU = torch.cuda.is_available()


def test_the_defaults_make_arguments_for_this_device(tmp_path: Path) -> None:
    args = arguments.build({}, tmp_path, evaluates=True, world_size=1)
    assert args.device.type == ("cuda" if ON_GPU else "cpu")
    assert args.dataloader_pin_memory == ON_GPU
    if ON_GPU and torch.cuda.get_device_capability() >= (8, 0):
        assert (args.bf16, args.fp16, torch.backends.cuda.matmul.allow_tf32) == (True, False, True)


def test_a_pinned_batch_arrives_on_the_device_as_it_was() -> None:
    device = torch.device("cuda" if ON_GPU else "cpu")
    ids = torch.arange(1000).reshape(10, 100)
    batch = {"input_ids": ids.pin_memory() if ON_GPU else ids}
    found = on_device(batch, device)["input_ids"]
    assert found.device.type == device.type
    assert torch.equal(found.cpu(), ids)


def test_the_hosts_checks_pass_or_say_that_there_is_no_gpu() -> None:
    if not ON_GPU:
        with pytest.raises(NotHereError):
            gpu()
        return
    assert torch.cuda.get_device_name() in gpu()
    assert bf16() == "on the GPU" or torch.cuda.get_device_capability() < (8, 0)
    assert nccl() == f"{torch.cuda.device_count()} process(es)"


@pytest.mark.skipif(not ON_GPU, reason="no GPU")
def test_the_share_of_the_peak_of_this_gpu_is_known() -> None:
    device = torch.cuda.get_device_name()
    most = peak(device)
    if most is None:
        pytest.skip(f"the peak of {device} is not in the table")
    with torch.device("meta"):
        cost = Cost.of(BertForSequenceClassification(BertConfig()))
    assert cost.share(1e6, 512e6, 1.0, device) == pytest.approx((cost.token * 1e6 + cost.pair * 512e6) / most)


@pytest.mark.skipif(not ON_GPU, reason="no GPU")
def test_a_compiled_model_multiplies_with_tf32_on() -> None:
    torch.backends.fp32_precision = "tf32"
    devices.agree_on_tf32()
    layer = torch.nn.Linear(64, 64, device="cuda")
    rows = torch.randn(8, 64, device="cuda")
    torch.testing.assert_close(torch.compile(layer)(rows), layer(rows), rtol=1e-2, atol=1e-2)
