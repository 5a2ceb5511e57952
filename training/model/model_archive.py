"""A model that comes as model.tar.gz: what the SDK's model_uri puts into the channel `model`."""

from __future__ import annotations

import logging
import os
import tarfile
import tempfile
from pathlib import Path

from contract.failures import UserError

ARCHIVE, CONFIG = "model.tar.gz", "config.json"
# Where the launcher of a host has unpacked the archive, for the ranks that it starts.
FOLDER_VARIABLE = "TRAINING_MODEL_FOLDER"

log = logging.getLogger(__name__)


def archive_of(name: str) -> Path | None:
    """The archive that the model `name` is: the file itself, or the only thing in its folder that holds a model."""
    path = Path(name)
    if path.is_file() and path.name.endswith((".tar.gz", ".tgz", ".tar")):
        return path
    inside = path / ARCHIVE
    return inside if inside.is_file() and not (path / CONFIG).exists() else None


def unpack_once(name: str) -> None:
    """Unpack the model `name` where it is an archive, before the ranks start; the folder goes to their environment."""
    archive = archive_of(name)
    if archive is not None:
        os.environ[FOLDER_VARIABLE] = str(unpacked(archive, Path(tempfile.mkdtemp(prefix="model-"))))


def location(name: str) -> str:
    """Where the model `name` lies: the folder that its archive was unpacked to, else `name` itself."""
    return os.environ.get(FOLDER_VARIABLE, name) if archive_of(name) else name


def unpacked(archive: Path, folder: Path) -> Path:
    """Unpack `archive` into `folder`. Returns the folder of the model: `folder`, or the only one inside.

    Members outside of `folder`, links that lead there, and devices are refused (PEP 706).

    Raises:
        UserError: it is no such archive, or holds no model.
    """
    log.info("unpacking %s", archive)
    try:
        with tarfile.open(archive) as file:
            file.extractall(folder, filter="data")
    except (OSError, EOFError, tarfile.TarError) as error:
        raise UserError(f"model {archive} cannot be unpacked: {error}; expected a .tar.gz file of a model") from None
    for place in (folder, *sorted(path for path in folder.iterdir() if path.is_dir())):
        if (place / CONFIG).is_file():
            return place
    found = sorted(path.name for path in folder.iterdir())[:5]
    raise UserError(f"model {archive} holds {found}, expected {CONFIG} and weights, in it or in one folder")
