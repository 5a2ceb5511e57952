"""Builds the CPU stand-ins for the Deep Learning Containers, and their Debian base where no registry has it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from contract.failures import UserError
from images.build_inputs import FOLDER
from images.engine import Engine, note

DEBIAN = "debian:bookworm-slim"
RELEASE = "bookworm"


def build(engine: Engine, tags: Iterable[str], options: Sequence[str], environ: Mapping[str, str]) -> None:
    """Build the stand-ins `tags`, each of which is the name of a target of images/standin/Dockerfile.

    Raises:
        UserError: Debian's image can neither be pulled nor made, or a build failed.
    """
    debian = environ.get("DEBIAN_IMAGE") or DEBIAN
    ensure_debian(engine, debian)
    for tag in tags:
        target = tag.rpartition(":")[2]
        note(f"stand-in: {target}")
        sources = ["--build-arg", f"DEBIAN_IMAGE={debian}", "--file", "images/standin/Dockerfile", "."]
        engine.build(*options, "--target", target, "--tag", tag, *sources)


def ensure_debian(engine: Engine, image: str) -> None:
    """Pull `image`, or make it of Debian's packages where no registry has it.

    Raises:
        UserError: neither is possible here.
    """
    if engine.dry_run or engine.has(image):
        return
    try:
        engine.run("pull", image)
    except UserError:
        note(f"{image} cannot be pulled: building it with debootstrap")
        debootstrap(engine, image)


def debootstrap(engine: Engine, image: str) -> None:
    """Make `image` of Debian's packages.

    Raises:
        UserError: debootstrap is missing or failed, or this user is not root, which it needs.
    """
    if not shutil.which("debootstrap"):
        raise UserError(f"{image} cannot be pulled and debootstrap is not installed, expected one of the two")
    if os.getuid() != 0:
        raise UserError(f"{image} cannot be pulled, and debootstrap needs root, expected one of the two")
    log = FOLDER / "debootstrap.log"
    with tempfile.TemporaryDirectory() as name:
        root, archive = Path(name, "root"), Path(name, "root.tar")
        command = ["debootstrap", "--variant=minbase", "--include=ca-certificates", RELEASE, str(root)]
        with log.open("w", encoding="utf-8") as output:
            done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            raise UserError(f"debootstrap of {RELEASE} ended with exit status {done.returncode}; see {log}")
        subprocess.run(["tar", "-C", str(root), "-cf", str(archive), "."], check=True)
        engine.run("import", str(archive), image)
