from __future__ import annotations

import logging
from pathlib import Path

import pytest
from unit.inference.wheels import write_wheel

from contract.failures import UserError
from inference.server.requirements import install


def model(folder: Path, *requirements: str) -> Path:
    (folder / "model" / "code").mkdir(parents=True)
    (folder / "model" / "code" / "requirements.txt").write_text("\n".join(requirements))
    return folder / "model"


def test_missing_packages_are_installed_into_the_folder_and_existing_ones_are_kept(tmp_path: Path) -> None:
    wheels = write_wheel(tmp_path / "wheels", "ours", needs="transformers").parent
    folder = model(tmp_path, "--no-index", f"--find-links {wheels}", "ours>=1", "torch")
    packages = tmp_path / "packages"
    assert install(folder, packages, allowed=True)
    names = {path.name for path in packages.iterdir()}
    assert "ours.py" in names
    assert not names & {"torch", "transformers"}


def test_nothing_is_installed_unless_allowed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert not install(model(tmp_path, "no-such-package"), tmp_path / "packages", allowed=False)
    assert "code/requirements.txt is not installed" in caplog.text
    assert "SAGEMAKER_ALLOW_REQUIREMENTS=true" in caplog.text
    assert not (tmp_path / "packages").exists()


def test_requirements_that_the_image_has_are_not_installed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert not install(model(tmp_path, "--no-index", "torch"), tmp_path / "packages", allowed=True)
    assert "all its packages are in the image already" in caplog.text


def test_a_missing_package_fails_with_pips_reason(tmp_path: Path) -> None:
    folder = model(tmp_path, "--no-index", "no-such-package==3")
    with pytest.raises(UserError, match="cannot be installed: No matching distribution found for no-such-package==3"):
        install(folder, tmp_path / "packages", allowed=True)


def test_a_model_without_requirements_needs_nothing(tmp_path: Path) -> None:
    assert not install(tmp_path, tmp_path / "packages", allowed=True)
