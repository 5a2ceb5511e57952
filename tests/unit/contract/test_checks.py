from __future__ import annotations

from pathlib import Path

import pytest

from contract import checks
from contract.failures import UserError
from contract.machine import gpus
from contract.selftest import NotHereError, judge


def test_the_checked_disk_is_that_of_the_jobs_folder(tmp_path: Path) -> None:
    results = {check.name: judge(check) for check in checks.host({"SAGEMAKER_BASE_DIR": str(tmp_path / "ml")})}
    assert results.pop(f"disk at {tmp_path / 'ml'}").outcome == "absent"
    assert {result.outcome for result in results.values()} == {"ok"}
    assert "GB free" in results["shared memory"].detail


def test_the_disk_check_leaves_no_file(tmp_path: Path) -> None:
    assert "MB/s" in checks.disk(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_cannot_be_written_fails() -> None:
    with pytest.raises(OSError, match=r"/proc"):
        checks.disk(Path("/proc"))


def nvidia_smi(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A replacement for nvidia-smi with a fixed output."""
    (folder / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.mark.skipif(bool(gpus("name")), reason="this machine has a GPU")
def test_a_gpu_that_pytorch_cannot_use_fails_and_an_absent_one_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvidia_smi(tmp_path, monkeypatch, "exit 9")
    with pytest.raises(NotHereError, match="no NVIDIA driver"):
        checks.gpu()
    nvidia_smi(tmp_path, monkeypatch, "echo 'NVIDIA A10G, 470.1'")
    with pytest.raises(UserError, match=r"the driver has NVIDIA A10G, 470\.1, which PyTorch .* cannot use"):
        checks.gpu()


@pytest.mark.parametrize(("flags", "expected"), [({"avx", "amx_bf16"}, "on the CPU: amx_bf16"), ({"avx"}, None)])
def test_bf16_is_that_of_the_cpu_where_there_is_no_gpu(
    monkeypatch: pytest.MonkeyPatch, flags: set[str], expected: str | None
) -> None:
    monkeypatch.setattr(checks, "cpu_flags", lambda: frozenset(flags))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    if expected:
        assert checks.bf16() == expected
        return
    with pytest.raises(NotHereError, match="float32 is used"):
        checks.bf16()
