"""Checkpoints that can be trusted: a manifest is written last, and only what verifies is resumed.

One rank writes for all (the first host's first rank), the random states of the others included.
SageMaker syncs every host's checkpoint folder to one S3 prefix and gives that prefix to every
host at a restart. So no two hosts ever write the same file, and each finds all it needs.

    checkpoints/
      checkpoint-120/            model, optimizer, scheduler, rng of every rank, trainer_state.json
        manifest.json            size and SHA-256 of every other file: written last
      .incomplete/               a save under way, or one that was cut off
      set-aside/                 folders that did not verify, kept for a look
"""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from contract.failures import UserError
from contract.files import STAGING, read_json, sha256, write_json

MANIFEST = "manifest.json"
PREFIX = "checkpoint-"
SET_ASIDE = "set-aside"
FORMAT_VERSION = 1

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Origin:
    """What a checkpoint belongs to: it is continued on nothing else."""

    data: str
    model: str


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint."""

    folder: Path
    step: int
    world_size: int
    origin: Origin


def publish(staging: Path, folder: Path, step: int, world_size: int, origin: Origin) -> None:
    """Write the manifest of `staging`, then give it its final name `folder`."""
    files = {
        path.relative_to(staging).as_posix(): {"size": path.stat().st_size, "sha256": sha256(path)}
        for path in sorted(staging.rglob("*"))
        if path.is_file()
    }
    for name in files:
        flush(staging / name)
    write_json(
        staging / MANIFEST,
        {
            "format_version": FORMAT_VERSION,
            "step": step,
            "world_size": world_size,
            "origin": asdict(origin),
            "files": files,
        },
    )
    # A folder of the same step can only be one that did not verify, or the same state.
    shutil.rmtree(folder, ignore_errors=True)
    staging.replace(folder)


def flush(path: Path) -> None:
    """Have the file's bytes on the disk before the manifest vouches for them."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def verify(folder: Path) -> Checkpoint:
    """The checkpoint in `folder`.

    Raises:
        UserError: what is wrong with it: a manifest or a file is missing, shorter, or changed.
    """
    manifest = read_json(folder / MANIFEST, "checkpoint manifest")
    try:
        if manifest["format_version"] != FORMAT_VERSION:
            raise UserError(f"its format is {manifest['format_version']}, expected {FORMAT_VERSION}")
        for name, expected in manifest["files"].items():
            verify_file(folder / name, expected["size"], expected["sha256"])
        return Checkpoint(folder, int(manifest["step"]), int(manifest["world_size"]), Origin(**manifest["origin"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"its manifest is incomplete ({error})") from None


def verify_file(path: Path, size: int, digest: str) -> None:
    if not path.is_file():
        raise UserError(f"{path.name} is missing")
    if path.stat().st_size != size:
        raise UserError(f"{path.name} has {path.stat().st_size} bytes, expected {size}")
    if sha256(path) != digest:
        raise UserError(f"{path.name} was changed")


def newest(root: Path) -> Checkpoint | None:
    """The newest checkpoint below `root` that verifies; those before it that do not are named in the log."""
    for folder in folders(root):
        try:
            return verify(folder)
        except UserError as error:
            log.warning("checkpoint %s is not used: %s", folder.name, error)
    return None


def folders(root: Path) -> list[Path]:
    """Folders named like a checkpoint, the newest step first."""
    named = [path for path in root.glob(f"{PREFIX}*") if path.is_dir() and path.name[len(PREFIX) :].isdigit()]
    return sorted(named, key=step_of, reverse=True)


def step_of(folder: Path) -> int:
    return int(folder.name[len(PREFIX) :])


def set_aside(root: Path, newer_than: int) -> None:
    """Move what did not verify out of the way, and drop a save that was cut off."""
    shutil.rmtree(root / STAGING, ignore_errors=True)
    for folder in folders(root):
        if step_of(folder) > newer_than:
            (root / SET_ASIDE).mkdir(exist_ok=True)
            target = root / SET_ASIDE / folder.name
            shutil.rmtree(target, ignore_errors=True)
            folder.replace(target)
            log.warning("checkpoint %s is set aside in %s", folder.name, target.parent)


def prune(root: Path, limit: int | None, keep: set[int]) -> None:
    """Remove the oldest checkpoints beyond `limit`, never the newest one nor the steps in `keep`."""
    if limit is None:
        return
    for folder in folders(root)[max(limit, 1) :]:
        if step_of(folder) not in keep:
            # Without its manifest it is no checkpoint any more, should the removal be cut off.
            (folder / MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
