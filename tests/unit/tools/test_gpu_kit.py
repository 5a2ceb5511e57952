from __future__ import annotations

import gzip
import lzma
import tarfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
import torch
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from safetensors.torch import load_file, save_file

from tools import gpu_kit

KEPT = (
    "pyarrow/lib.so",
    "pyarrow/libarrow.so.2600",
    "pyarrow/libarrow_python.so.2600",
    "mms/context.py",
)
DROPPED = (
    *(
        "pyarrow/tests/test_array.py",
        "pyarrow/include/arrow/api.h",
        "pyarrow/libarrow_flight.so.2600",
        "pyarrow/lib.pyx",
    ),
    "mms/frontend/model-server.jar",
    *("pyarrow/libarrow_python.so", "pyarrow/libarrow_python.so.2600.0.1", "matplotlib/mpl-data/sample_data/x.csv"),
)


def test_a_wheel_keeps_what_is_used_in_an_archive_that_pip_reads(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as wheel:
        for name in (*KEPT, *DROPPED):
            wheel.writestr(name, name)
    gpu_kit.repack(tmp_path / "a.whl", tmp_path / "b.whl")
    with zipfile.ZipFile(tmp_path / "b.whl") as wheel:
        assert sorted(wheel.namelist()) == sorted(KEPT)
        assert {wheel.read(name).decode() for name in KEPT} == set(KEPT)


def test_the_model_is_packed_in_bf16_and_nothing_else_is_lost(tmp_path: Path) -> None:
    source, weights = tmp_path / "source", {"weight": torch.rand(4, 4), "places": torch.arange(4)}
    source.mkdir()
    (source / "config.json").write_text("{}")
    save_file(weights, source / "model.safetensors")
    gpu_kit.write_model(source, tmp_path / "model.tar.xz")
    with tarfile.open(tmp_path / "model.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    found = load_file(tmp_path / "model" / "model.safetensors")
    assert torch.equal(found["weight"], weights["weight"].bfloat16())
    assert torch.equal(found["places"], weights["places"])
    assert (tmp_path / "model" / "config.json").read_text() == "{}"


def test_the_reviews_are_the_first_ones_with_their_header(tmp_path: Path) -> None:
    lines = [f"{number}\n" for number in range(gpu_kit.ROWS + 50)]
    with gzip.open(tmp_path / "all.gz", "wt") as file:
        file.writelines(["header\n", *lines])
    gpu_kit.write_reviews(tmp_path / "all.gz", tmp_path / "some.gz")
    assert gzip.decompress((tmp_path / "some.gz").read_bytes()).decode() == "".join(
        ["header\n", *lines[: gpu_kit.ROWS]]
    )


def test_a_kit_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "model.tar.xz").write_bytes(lzma.compress(b"x"))
    assert gpu_kit.report(tmp_path).endswith("1: 0.0 MiB, 1 files")
    monkeypatch.setattr(gpu_kit, "LIMIT", 10)
    with pytest.raises(SystemExit, match="has 0.0 MiB, expected at most 0"):
        gpu_kit.report(tmp_path)


def test_each_library_is_in_one_kit() -> None:
    names = [library for libraries in gpu_kit.WHEELS.values() for library in libraries]
    assert sorted(names) == sorted(set(names))


def required(library: str) -> set[str]:
    """The names of the libraries that `library` requires on Linux without extras."""
    requirements = map(Requirement, distribution(library).requires or ())
    return {
        canonicalize_name(each.name) for each in requirements if not each.marker or each.marker.evaluate({"extra": ""})
    }


def test_what_a_library_requires_is_in_a_kit_or_on_the_machine() -> None:
    machine, pending = set(), {"torch", "transformers", "accelerate", "numpy"}
    while pending:
        machine |= pending
        pending = {name for library in pending for name in required(library)} - machine
    available = {library.lower() for libraries in gpu_kit.WHEELS.values() for library in libraries} | machine
    absent = {name for libraries in gpu_kit.WHEELS.values() for library in libraries for name in required(library)}
    assert absent - available == set(gpu_kit.LEFT_OUT)
