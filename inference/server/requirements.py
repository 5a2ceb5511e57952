"""Installs the model's code/requirements.txt by pip, where SAGEMAKER_ALLOW_REQUIREMENTS allows it.

What the image has already stays as it is: pip's own report says what is missing or of another
version, and only that goes into a folder of its own, which the workers search first.
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
    """Install what the model in `model_folder` asks for into `folder`; returns whether there is any.

    Raises:
        UserError: pip could not, with its reason.
    """
    path = model_folder / CODE_FOLDER / REQUIREMENTS_FILE
    if not path.is_file():
        return False
    if not allowed:
        log.warning(
            "%s/%s is not installed: nothing is fetched at start; SAGEMAKER_ALLOW_REQUIREMENTS=true allows it",
            CODE_FOLDER,
            REQUIREMENTS_FILE,
        )
        return False
    folder.mkdir(parents=True, exist_ok=True)
    wanted = missing(path, folder / "report.json")
    if not wanted:
        log.info("%s/%s: the image has it all", CODE_FOLDER, REQUIREMENTS_FILE)
        return False
    log.info("installing %s", ", ".join(name.partition(" ")[0] for name in wanted))
    # The file's own --index-url and the like hold for the second call as well.
    settings = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("--")]
    pins = folder / REQUIREMENTS_FILE
    pins.write_text("\n".join([*settings, *wanted]) + "\n", encoding="utf-8")
    run("--no-deps", "--target", str(folder), "--requirement", str(pins))
    return True


def missing(path: Path, report: Path) -> list[str]:
    """What pip would install for the requirements in `path`, dependencies included, each pinned."""
    run("--dry-run", "--report", str(report), "--requirement", str(path))
    return [pin(item) for item in json.loads(report.read_text(encoding="utf-8"))["install"]]


def pin(item: dict[str, Any]) -> str:
    """One entry of pip's installation report (version 1) as a requirement."""
    name, version = item["metadata"]["name"], item["metadata"]["version"]
    return f"{name} @ {item['download_info']['url']}" if item["is_direct"] else f"{name}=={version}"


def run(*arguments: str) -> None:
    """Run pip. Raises UserError with its last error where it fails."""
    command: Sequence[str] = (*PIP, *arguments)
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        errors = [line for line in finished.stderr.splitlines() if line.startswith("ERROR:")]
        cause = (errors or finished.stderr.splitlines() or ["no reason given"])[-1].removeprefix("ERROR: ")
        raise UserError(f"{CODE_FOLDER}/{REQUIREMENTS_FILE} cannot be installed: {cause}")
