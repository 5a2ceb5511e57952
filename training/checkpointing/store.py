"""Checkpoint folders: manifest with sizes and digests, verification, the newest valid one, pruning.

One rank writes for all (the first host's first rank), the random states of the others included.
SageMaker syncs every host's checkpoint folder to one S3 prefix and gives that prefix to every
host at a restart. So no two hosts ever write the same file, and each finds all it needs.

    checkpoints/
      checkpoint-120/            model, optimizer, scheduler, rng of every rank, trainer_state.json
        manifest.json            size and SHA-256 of every other file, and of itself: written last
      .incomplete/               a save under way, or one that was cut off
      set-aside/                 folders that did not verify, kept for a look
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from contract.failures import UserError
from contract.files import STAGING, read_json, sha256, write_text

MANIFEST = "manifest.json"
PREFIX = "checkpoint-"
SET_ASIDE = "set-aside"
# 2: weights under the names that the model has in memory, origin by contents, hyperparameters.json.
FORMAT_VERSION = 2

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Origin:
    """What a checkpoint belongs to, each as a digest of its contents: it is continued on nothing else.

    Attributes:
        data: rows of the train channel.
        validation: rows that the best model is chosen by.
        model: configuration of the model, and the weights that the training began with.
    """

    data: str
    validation: str
    model: str


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint.

    Attributes:
        folder: where it lies.
        step: after which it was saved.
        world_size: ranks that saved it.
        rows: that each step took, over all ranks.
        origin: what it belongs to.
    """

    folder: Path
    step: int
    world_size: int
    rows: int
    origin: Origin


def publish(staging: Path, folder: Path, step: int, world_size: int, rows: int, origin: Origin) -> None:
    """Write the manifest of `staging`, then give it its final name `folder`."""
    files = {
        path.relative_to(staging).as_posix(): {"size": path.stat().st_size, "sha256": sha256(path)}
        for path in sorted(staging.rglob("*"))
        if path.is_file()
    }
    for name in files:
        flush(staging / name)
    manifest = {
        "format_version": FORMAT_VERSION,
        "step": step,
        "world_size": world_size,
        "rows": rows,
        "origin": asdict(origin),
        "files": files,
    }
    write_text(staging / MANIFEST, render(manifest))
    replace(folder, staging)


def replace(folder: Path, staging: Path) -> None:
    """Rename `staging` to `folder`; what has that name, the same state or a torn one, stays until then."""
    old = staging.with_name(f"{staging.name}.old")
    if folder.exists():
        folder.replace(old)
    staging.replace(folder)
    shutil.rmtree(old, ignore_errors=True)
    flush(folder.parent)


def render(manifest: dict[str, Any]) -> str:
    """JSON that ends in its own digest, so that not a byte of it can change unnoticed."""
    digest = hashlib.sha256(json.dumps(manifest).encode()).hexdigest()
    return json.dumps(manifest | {"sha256": digest}, indent=2) + "\n"


def flush(path: Path) -> None:
    """Have the file's bytes, or the folder's names, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def verify(folder: Path) -> Checkpoint:
    """The checkpoint in `folder`.

    Raises:
        UserError: what is wrong with it: a manifest or a file is missing, shorter, or changed.
    """
    manifest = read_manifest(folder / MANIFEST)
    if folder.name != f"{PREFIX}{manifest['step']}":
        raise UserError(f"it is the checkpoint of step {manifest['step']} under another name")
    for name, expected in manifest["files"].items():
        verify_file(folder / name, expected["size"], expected["sha256"])
    origin = Origin(**manifest["origin"])
    return Checkpoint(folder, manifest["step"], manifest["world_size"], manifest["rows"], origin)


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest in `path`, exactly as it was written.

    Raises:
        UserError: it is missing, changed, or of another format.
    """
    manifest = read_json(path, "checkpoint manifest")
    if not isinstance(manifest, dict) or manifest.get("format_version") != FORMAT_VERSION:
        raise UserError(f"its manifest is not of format {FORMAT_VERSION}")
    content = {name: value for name, value in manifest.items() if name != "sha256"}
    if render(content).encode() != path.read_bytes():
        raise UserError("its manifest was changed")
    return manifest


def verify_file(path: Path, size: int, digest: str) -> None:
    if not path.is_file():
        raise UserError(f"{path.name} is missing")
    if path.stat().st_size != size:
        raise UserError(f"{path.name} has {path.stat().st_size} bytes, expected {size}")
    if sha256(path) != digest:
        raise UserError(f"{path.name} was changed")


def newest(root: Path, problem_of: Callable[[Checkpoint], str] = lambda _: "") -> Checkpoint | None:
    """The newest usable checkpoint below `root`; newer ones that are not are named in the log.

    Args:
        problem_of: tells what keeps a checkpoint whose files are intact from being used; empty if nothing does.
    """
    for folder in folders(root):
        try:
            found = verify(folder)
        except UserError as error:
            log.warning("checkpoint %s is not used: %s", folder.name, error)
            continue
        problem = problem_of(found)
        if not problem:
            return found
        log.warning("checkpoint %s is not used: %s", folder.name, problem)
    return None


def folders(root: Path) -> list[Path]:
    """Folders named like a checkpoint, the newest step first."""
    named = [path for path in root.glob(f"{PREFIX}*") if path.is_dir() and path.name[len(PREFIX) :].isdigit()]
    return sorted(named, key=step_of, reverse=True)


def step_of(folder: Path) -> int:
    return int(folder.name[len(PREFIX) :])


def set_aside(root: Path, newer_than: int) -> None:
    """Move what did not verify out of the way, and drop a save that was cut off.

    What an earlier start set aside is removed, so that the disk does not fill up with it.
    """
    shutil.rmtree(root / STAGING, ignore_errors=True)
    moving = [folder for folder in folders(root) if step_of(folder) > newer_than]
    if moving:
        shutil.rmtree(root / SET_ASIDE, ignore_errors=True)
        (root / SET_ASIDE).mkdir()
    for folder in moving:
        folder.replace(root / SET_ASIDE / folder.name)
        log.warning("checkpoint %s is set aside in %s", folder.name, root / SET_ASIDE)


def prune(root: Path, limit: int | None, keep: set[int]) -> None:
    """Remove the oldest checkpoints beyond `limit`, never the newest one nor the steps in `keep`."""
    if limit is None:
        return
    for folder in folders(root)[max(limit, 1) :]:
        if step_of(folder) not in keep:
            # Without its manifest it is no checkpoint any more, should the removal be cut off.
            (folder / MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
