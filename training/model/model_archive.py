"""A model that comes as model.tar.gz: what the SDK's model_uri puts into the channel `model`."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Callable
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
        folder = Path(tempfile.mkdtemp(prefix="model-"))
        # The ranks have ended before this process does.
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ[FOLDER_VARIABLE] = str(unpacked(archive, folder))


def location(name: str) -> str:
    """Where the model `name` lies: the folder that its archive was unpacked to, else `name` itself."""
    return os.environ.get(FOLDER_VARIABLE, name) if archive_of(name) else name


def unpacked(archive: Path, folder: Path) -> Path:
    """Unpack `archive` into `folder`. Returns the folder of the model: `folder`, or the only one inside with a model.

    Members outside of `folder`, links that lead there, and devices are refused (PEP 706), and more than the disk holds.

    Raises:
        UserError: it is no such archive, holds no model or several, or is too large.
    """
    log.info("unpacking %s", archive)
    try:
        with tarfile.open(archive) as file:
            file.extractall(folder, filter=within(shutil.disk_usage(folder).free, archive))  # noqa: S202 (a data filter)
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise UserError(f"model {archive} cannot be unpacked: {error}; expected a .tar.gz file of a model") from None
    models = [place for place in (folder, *sorted(folder.iterdir())) if (place / CONFIG).is_file()]
    if models[:1] == [folder] or len(models) == 1:
        return models[0]
    if models:
        names = [place.name for place in models[:5]]
        raise UserError(f"model {archive} holds several models, in {names}; expected one, or {CONFIG} at the top")
    found = sorted(path.name for path in folder.iterdir())[:5]
    raise UserError(f"model {archive} holds {found}, expected {CONFIG} and weights, in it or in one folder")


def within(most_bytes: int, archive: Path) -> Callable[[tarfile.TarInfo, str], tarfile.TarInfo | None]:
    """The data filter of tarfile, which refuses the member that makes the contents larger than `most_bytes`."""
    total = 0

    def check(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
        nonlocal total
        total += member.size
        if total > most_bytes:
            raise UserError(
                f"model {archive} holds more than {most_bytes / 1e9:.1f} GB, which is all that is free in "
                f"{folder}; expected an instance with a larger volume"
            )
        return tarfile.data_filter(member, folder)

    return check
