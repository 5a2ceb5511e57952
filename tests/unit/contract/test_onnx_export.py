from __future__ import annotations

import json
from pathlib import Path

import pytest

from contract import onnx_export
from contract.onnx_export import ExportError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "no-such-type"}))
    return tmp_path


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_the_digest_is_of_weights_and_configuration(folder: Path, name: str) -> None:
    before = onnx_export.digest(folder)
    (folder / "README.md").write_text("other words")
    assert onnx_export.digest(folder) == before
    (folder / name).write_bytes(b"{}")
    assert onnx_export.digest(folder) != before


def test_a_model_without_safetensors_is_not_exported(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(ExportError, match=r"^its export failed: it has 0 bytes of safetensors, expected "):
        onnx_export.run(folder, folder / "onnx")


def test_an_exception_of_the_export_is_one_line(folder: Path) -> None:
    with pytest.raises(ExportError, match=r"^its export failed: \w+: [^\n]*no-such-type[^\n]*$"):
        onnx_export.run(folder, folder / "onnx")
    assert not (folder / "onnx").exists()


def test_an_export_that_takes_too_long_is_ended(folder: Path) -> None:
    with pytest.raises(ExportError, match=r"^its export took more than 0 s$"):
        onnx_export.run(folder, folder / "onnx", seconds=0.01)
