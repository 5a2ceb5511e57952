"""A model that comes as model.tar.gz: what the SDK's model_uri puts into the channel `model`."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tarfile
import tempfile
import zlib
from pathlib import Path, PurePosixPath

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

    Raises:
        UserError: it is no such archive, holds no model or several, more than the disk has room for, a name that
            leads out of the folder, a link or a device.
    """
    log.info("unpacking %s", archive)
    try:
        extract(archive, folder)
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


def extract(archive: Path, folder: Path) -> None:
    """Write the files of `archive` below `folder`, without their owners and modes.

    Not by tarfile's data filter (PEP 706), which Python has from 3.11.4 on, and which takes links. Without links no
    name can lead out of the folder but by its own parts; SageMaker's hosting refuses archives with links as well.
    """
    room = shutil.disk_usage(folder).free
    with tarfile.open(archive) as file:
        for member in file:
            room -= member.size
            if room < 0:
                raise UserError(f"model {archive} holds more than the disk of {folder} has room for")
            target = folder / checked_name(archive, member)
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            source = file.extractfile(member)
            if source is not None:
                with source, target.open("wb") as copy:
                    shutil.copyfileobj(source, copy)


def checked_name(archive: Path, member: tarfile.TarInfo) -> PurePosixPath:
    """The name of a file or folder that stays below the folder that it is unpacked to."""
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise UserError(f"model {archive} holds {member.name!r}, expected names within the archive")
    if not (member.isfile() or member.isdir()):
        raise UserError(
            f"model {archive} holds {member.name!r}, which is a link or a device; expected files and folders "
            "(tar --dereference)"
        )
    return name
