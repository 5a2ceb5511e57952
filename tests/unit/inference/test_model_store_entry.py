from __future__ import annotations

from pathlib import Path

import pytest

from contract.failures import UserError
from inference import model_store_entry


def test_a_stub_only_names_the_models_folder(tmp_path: Path) -> None:
    model_store_entry.write(tmp_path, "model-1", Path("/opt/ml/model"))
    assert model_store_entry.model_folder(tmp_path / "model-1") == Path("/opt/ml/model")
    assert [path.name for path in (tmp_path / "model-1").iterdir()] == [model_store_entry.STUB_FILE]


def test_a_folder_without_stub_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        model_store_entry.model_folder(tmp_path)
