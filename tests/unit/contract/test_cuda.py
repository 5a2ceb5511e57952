"""GPUs whose driver is too old, by a script in place of nvidia-smi."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from contract import cuda
from contract.failures import UserError

SMI = """#!/bin/sh
case "$1" in
  --query-gpu=name*) echo 'Tesla T4, 470.82.01' ;;
  --query-gpu=driver*) echo 470.82.01 ;;
  *) echo '| NVIDIA-SMI 470.82.01  Driver Version: 470.82.01  CUDA Version: 11.4 |' ;;
esac
"""


@pytest.fixture
def old_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host with a GPU that PyTorch for CUDA 13.0 does not find."""
    (tmp_path / "nvidia-smi").write_text(SMI)
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_a_driver_that_is_too_old_is_refused_with_both_cuda_versions(old_driver: None) -> None:
    with pytest.raises(UserError) as error:
        cuda.refuse_unusable_gpu("use_cpu=true", {})
    assert str(error.value) == (
        "this host has a GPU with Tesla T4, 470.82.01, for CUDA up to 11.4, which PyTorch for CUDA 13.0 in this image "
        "cannot use; expected a newer driver (InferenceAmiVersion or TransformAmiVersion for hosting), an image for "
        "that CUDA, or use_cpu=true"
    )


def test_a_device_without_an_answering_driver_is_refused(
    old_driver: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nexit 9\n")
    monkeypatch.setattr(cuda, "DEVICES", tmp_path)
    (tmp_path / "nvidiactl").touch()
    cuda.refuse_unusable_gpu("use_cpu=true", {})
    (tmp_path / "nvidia0").touch()
    with pytest.raises(UserError, match="a GPU with a driver that does not answer, which PyTorch for CUDA 13.0"):
        cuda.refuse_unusable_gpu("use_cpu=true", {})


def test_hidden_gpus_and_an_image_without_cuda_are_meant(old_driver: None, monkeypatch: pytest.MonkeyPatch) -> None:
    cuda.refuse_unusable_gpu("use_cpu=true", {"CUDA_VISIBLE_DEVICES": ""})
    monkeypatch.setattr(torch.version, "cuda", None)
    cuda.refuse_unusable_gpu("use_cpu=true", {})


def test_compatibility_libraries_are_for_older_drivers_alone(old_driver: None, tmp_path: Path) -> None:
    folder = tmp_path / "compat"
    assert cuda.compatibility({}, folder) == {}
    folder.mkdir()
    library = folder / "libcuda.so.1"
    library.symlink_to("libcuda.so.580.65.06")
    (folder / "libcuda.so.580.65.06").touch()
    assert cuda.compatibility({}, folder) == {"LD_LIBRARY_PATH": str(folder)}
    assert cuda.compatibility({"LD_LIBRARY_PATH": "/a:/b"}, folder) == {"LD_LIBRARY_PATH": f"{folder}:/a:/b"}
    library.unlink()
    library.symlink_to("libcuda.so.470.82.01")
    (folder / "libcuda.so.470.82.01").touch()
    assert cuda.compatibility({}, folder) == {}


def test_the_drivers_version_is_the_kernel_modules_before_nvidia_smis(old_driver: None, tmp_path: Path) -> None:
    module = tmp_path / "version"
    module.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023\n")
    assert cuda.driver_version(module) == "535.129.03"
    assert cuda.driver_version(tmp_path / "none") == "470.82.01"
    assert cuda.numbers("libcuda.so.470.82.01") == (470, 82, 1)
    assert cuda.numbers("libcuda.so.1") == ()
