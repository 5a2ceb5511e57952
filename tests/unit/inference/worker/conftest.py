from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from inference.worker.user_code import MODULE_NAME


@pytest.fixture
def undo_import() -> Iterator[None]:
    """Undo the imports of a team's code, and of its module `helper`."""
    before = list(sys.path)
    yield
    sys.path[:] = before
    for name in (MODULE_NAME, "helper"):
        sys.modules.pop(name, None)
