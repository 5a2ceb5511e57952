"""Fixtures of several integration tests."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base folder with a tiny classifier as its model."""
    # Imported late: it takes seconds, and most files need no classifier.
    from unit.inference.tiny import write_model

    folder = tmp_path_factory.mktemp("ml")
    write_model(folder / "model")
    return folder
