from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

from tools import gpu_environment


def test_libraries_that_the_machine_has_are_not_installed_unless_too_new() -> None:
    wheels = [Path(f"{name}-1.0-py3-none-any.whl") for name in ("pyarrow", "multi_model_server", "setuptools", "dill")]
    installed = {"PyArrow": "24.0", "multi-model-server": "1.1", "setuptools": "84.2.1"}
    assert [wheel.name.split("-")[0] for wheel in gpu_environment.missing(wheels, installed)] == ["setuptools", "dill"]
    assert not gpu_environment.missing(wheels, {**installed, "setuptools": "80.10", "dill": "1"})


def test_the_environment_has_the_libraries_of_the_running_python(tmp_path: Path) -> None:
    interpreter = gpu_environment.create(tmp_path / "environment")
    done = subprocess.run(
        [interpreter, "-c", "import safetensors, sys; print(sys.prefix)"], capture_output=True, text=True
    )
    assert done.stdout.strip() == str(tmp_path / "environment"), done.stderr


def test_the_archives_of_kits_are_unpacked(tmp_path: Path) -> None:
    kits, folder = tmp_path / "kits", tmp_path / "environment"
    for kit in ("1", "2"):
        (kits / kit).mkdir(parents=True)
    (tmp_path / "jre").mkdir()
    (tmp_path / "jre" / "release").write_text("17")
    with tarfile.open(kits / "1" / "jre.tar.xz", "w:xz") as archive:
        archive.add(tmp_path / "jre", "jre")
    (kits / "2" / "reviews.tsv.gz").write_bytes(b"rows")
    folder.mkdir()
    for kit in ("1", "2"):
        gpu_environment.unpack(kits / kit, folder)
    assert (folder / "jre" / "release").read_text() == "17"
    assert (folder / "reviews.tsv.gz").read_bytes() == b"rows"
