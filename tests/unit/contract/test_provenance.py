import json
from pathlib import Path

import pytest

from contract import __version__
from contract.failures import UserError
from contract.provenance import provenance


def test_provenance_is_what_the_build_recorded(tmp_path: Path) -> None:
    recorded = {"image": "training", "version": "2.0.0", "revision": "abc", "base": "b:1", "base_digest": "sha256:d"}
    (tmp_path / "image.json").write_text(json.dumps(recorded))
    assert provenance(tmp_path / "image.json") == recorded


def test_in_a_clone_only_the_version_is_known(tmp_path: Path) -> None:
    assert provenance(tmp_path / "image.json") == {"version": __version__}


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "image.json").write_text("{")
    with pytest.raises(UserError, match="record of the build .* is not JSON"):
        provenance(tmp_path / "image.json")
