"""Reads an exported image (docker save): its configuration, and the files in the layers above its base image."""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from containers.engine import docker

# Bytes. Layers of the base image are larger and are skipped; those of the images are much smaller.
LARGEST_LAYER = 200_000_000
BASE_LABEL = "org.opencontainers.image.base.name"


@dataclass(frozen=True)
class Entry:
    """A file, folder or link of a layer; files with their content."""

    member: tarfile.TarInfo
    content: bytes

    @property
    def name(self) -> str:
        return self.member.name.removeprefix("./")


@dataclass(frozen=True)
class Saved:
    """An exported image: its configuration with the history, and the entries of the layers above its base."""

    config: str
    entries: tuple[Entry, ...]

    @classmethod
    def read(cls, folder: Path, image: str) -> Saved:
        """Read `image` from the export that `save` wrote to `folder`."""
        manifests = json.loads((folder / "manifest.json").read_text())
        manifest = next(found for found in manifests if image in found["RepoTags"])
        own = manifest["Layers"][layers_of_base(image) :]
        found = (entry for layer in own for entry in entries(folder / layer))
        return cls((folder / manifest["Config"]).read_text(), tuple(found))


def layers_of_base(image: str) -> int:
    """Number of the base's layers, which are the first of `image`."""
    [inspected] = json.loads(docker("image", "inspect", image))
    base = inspected["Config"]["Labels"][BASE_LABEL]
    return len(json.loads(docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", base)))


def save(folder: Path, *images: str) -> None:
    """Export `images` to `folder`, without the layers of base images."""
    with (
        subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as process,
        tarfile.open(fileobj=process.stdout, mode="r|") as archive,
    ):
        for member in archive:
            if member.size < LARGEST_LAYER:
                archive.extract(member, folder, filter="data")


def entries(layer: Path) -> Iterator[Entry]:
    with tarfile.open(layer) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            yield Entry(member, file.read() if file else b"")
