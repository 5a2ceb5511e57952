from __future__ import annotations

from pathlib import Path

import pytest
from unit.inference.wheels import write_wheel

from contract.failures import UserError
from contract.paths import Paths
from inference.options import ServingOptions
from inference.server.preparation import prepare


def test_the_model_is_served_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    found = prepare(ServingOptions(), Paths(tmp_path), tmp_path / "run", {"A": "b"})
    assert found == (tmp_path / "model", {"A": "b"})


def test_no_model_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder; expected an unpacked model.tar.gz"):
        prepare(ServingOptions(), Paths(tmp_path), tmp_path / "run", {})


def test_a_multi_model_endpoint_starts_without_models(tmp_path: Path) -> None:
    found, _ = prepare(ServingOptions(multi_model=True), Paths(tmp_path), tmp_path / "run", {})
    assert found == tmp_path / "models"


def test_packages_come_before_the_images_own(tmp_path: Path) -> None:
    code = tmp_path / "model" / "code"
    code.mkdir(parents=True)
    wheel = write_wheel(tmp_path, "own")
    (code / "requirements.txt").write_text(f"own @ {wheel.as_uri()}\n")
    options = ServingOptions(allow_requirements=True)
    _, environ = prepare(options, Paths(tmp_path), tmp_path / "run", {"PYTHONPATH": "/code"})
    first, last = environ["PYTHONPATH"].split(":")
    assert (Path(first) / "own.py").read_text() == "ANSWER = 42\n"
    assert last == "/code"
