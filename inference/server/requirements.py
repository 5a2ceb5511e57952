"""Installs the model's code/requirements.txt by pip, if SAGEMAKER_ALLOW_REQUIREMENTS allows it.

The image's own packages stay unchanged: pip's installation report lists the packages that are missing
or have another version, and only these are installed, into a separate folder that comes first on the
workers' PYTHONPATH.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contract.failures import UserError
from inference.options import CODE_FOLDER

REQUIREMENTS_FILE = "requirements.txt"
PIP = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input")

log = logging.getLogger(__name__)


def install(model_folder: Path, folder: Path, allowed: bool) -> bool:
    """Install the missing requirements of the model in `model_folder` into `folder`; returns whether there were any.

    Raises:
        UserError: pip failed, with its reason.
    """
    path = model_folder / CODE_FOLDER / REQUIREMENTS_FILE
    if not path.is_file():
        return False
    if not allowed:
        log.warning(
            "%s/%s is not installed: by default nothing is downloaded; SAGEMAKER_ALLOW_REQUIREMENTS=true allows it",
            CODE_FOLDER,
            REQUIREMENTS_FILE,
        )
        return False
    folder.mkdir(parents=True, exist_ok=True)
    packages = missing(path, folder / "report.json")
    if not packages:
        log.info("%s/%s: all its packages are in the image already", CODE_FOLDER, REQUIREMENTS_FILE)
        return False
    log.info("installing %s", ", ".join(name.partition(" ")[0] for name in packages))
    # The second call of pip needs the file's options too, such as --index-url.
    settings = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("--")]
    pins = folder / REQUIREMENTS_FILE
    pins.write_text("\n".join([*settings, *packages]) + "\n", encoding="utf-8")
    run("--no-deps", "--target", str(folder), "--requirement", str(pins))
    return True


def missing(path: Path, report: Path) -> list[str]:
    """The packages that pip would install for the requirements in `path`, dependencies included, each pinned."""
    run("--dry-run", "--report", str(report), "--requirement", str(path))
    return [pin(item) for item in json.loads(report.read_text(encoding="utf-8"))["install"]]


def pin(item: dict[str, Any]) -> str:
    """The pinned requirement of one entry of pip's installation report (version 1)."""
    name, version = item["metadata"]["name"], item["metadata"]["version"]
    return f"{name} @ {item['download_info']['url']}" if item["is_direct"] else f"{name}=={version}"


def run(*arguments: str) -> None:
    """Run pip.

    Raises:
        UserError: pip failed, with its last error.
    """
    command: Sequence[str] = (*PIP, *arguments)
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        errors = [line for line in finished.stderr.splitlines() if line.startswith("ERROR:")]
        cause = (errors or finished.stderr.splitlines() or ["no reason given"])[-1].removeprefix("ERROR: ")
        raise UserError(f"{CODE_FOLDER}/{REQUIREMENTS_FILE} cannot be installed: {cause}")
