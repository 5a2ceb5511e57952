"""What an image is made of, from the engine's own export: its configuration, and the files that it adds to its base."""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from containers.engine import docker

# Bytes. A base's layers are larger and of no interest; ours are smaller by far.
LARGEST_LAYER = 200_000_000
BASE_LABEL = "org.opencontainers.image.base.name"


@dataclass(frozen=True)
class Entry:
    """A file, folder or link of a layer, with the bytes of a file."""

    member: tarfile.TarInfo
    content: bytes

    @property
    def name(self) -> str:
        return self.member.name.removeprefix("./")


@dataclass(frozen=True)
class Saved:
    """Of one image: its configuration with the history of its layers, and the entries of those above its base."""

    config: str
    entries: tuple[Entry, ...]

    @classmethod
    def read(cls, folder: Path, image: str) -> Saved:
        """`image`, from the export that `save` left in `folder`."""
        manifests = json.loads((folder / "manifest.json").read_text())
        manifest = next(found for found in manifests if image in found["RepoTags"])
        own = manifest["Layers"][layers_of_base(image) :]
        found = (entry for layer in own for entry in entries(folder / layer))
        return cls((folder / manifest["Config"]).read_text(), tuple(found))


def layers_of_base(image: str) -> int:
    """How many of the layers of `image` are its base's, which come first."""
    [inspected] = json.loads(docker("image", "inspect", image))
    base = inspected["Config"]["Labels"][BASE_LABEL]
    return len(json.loads(docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", base)))


def save(folder: Path, *images: str) -> None:
    """Export `images` to `folder`, layers of bases left out."""
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
