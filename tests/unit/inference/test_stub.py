from __future__ import annotations

from pathlib import Path

import pytest

from contract.failures import UserError
from inference import stub


def test_a_stub_names_the_models_folder_and_holds_nothing_of_it(tmp_path: Path) -> None:
    stub.write(tmp_path, "model-1", Path("/opt/ml/model"))
    assert stub.model_folder(tmp_path / "model-1") == Path("/opt/ml/model")
    assert [path.name for path in (tmp_path / "model-1").iterdir()] == [stub.STUB_FILE]


def test_a_folder_that_is_no_stub(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        stub.model_folder(tmp_path)
