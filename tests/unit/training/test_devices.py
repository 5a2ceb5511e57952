import pytest
import torch

from contract.failures import UserError
from training import arguments, devices


@pytest.fixture
def old_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.cuda as on a machine with a T4, as far as it is asked."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 5))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Tesla T4")
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_75", "sm_90", "sm_100f"])


@pytest.mark.usefixtures("old_gpu")
def test_a_gpu_without_bf16_trains_in_fp16_and_the_cpu_beside_it_as_any_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "cpu_flags", frozenset)
    found = arguments.in_force({}, evaluates=True)
    assert (found["fp16"].value, "bf16" in found, "use_cpu" in found) == (True, False, False)
    found = arguments.in_force({"use_cpu": True}, evaluates=True)
    assert ("fp16" in found, found["dataloader_pin_memory"].value) == (False, False)


@pytest.mark.usefixtures("old_gpu")
def test_a_gpu_that_pytorch_is_not_compiled_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_80", "sm_90a"])
    with pytest.raises(
        UserError, match="GPU Tesla T4 has compute capability 7.5, but this PyTorch is compiled for 8.0"
    ):
        arguments.in_force({}, evaluates=True)


def test_both_switches_of_tf32_agree_so_that_torch_compile_can_read_them() -> None:
    try:
        torch.backends.fp32_precision = "tf32"
        with pytest.raises(RuntimeError, match="mix of the legacy and new APIs"):
            torch.backends.cuda.matmul.allow_tf32  # noqa: B018 (reading it is what torch.compile does)
        devices.agree_on_tf32()
        assert torch.backends.cuda.matmul.allow_tf32
    finally:
        torch.set_float32_matmul_precision("highest")
        torch.backends.fp32_precision = torch.backends.cuda.matmul.fp32_precision = "none"
