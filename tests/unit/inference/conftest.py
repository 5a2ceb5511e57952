from __future__ import annotations

from pathlib import Path

import pytest
from unit.inference.tiny import write_model


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny two-label model with its card."""
    return write_model(tmp_path_factory.mktemp("tiny"))
