"""Describes the pushed images for launchers: writes images.json and SBOM files, and publishes SSM parameters."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from contract.failures import UserError
from contract.files import read_json, write_json, write_text
from images import aws, sbom
from images.catalog import Catalog
from images.engine import Engine, note

LABEL = "org.opencontainers.image."


@dataclass(frozen=True)
class Image:
    """A pushed image, as images.json describes it.

    Attributes:
        uri: URI with the tag.
        uri_by_digest: URI with the digest in the registry; the one to launch jobs with.
        base, base_digest: URI and digest of the base image.
        size: size of all layers, uncompressed, in bytes; on the containerd image store with the blocks that they take.
        revision: git revision of the source.
        versions: versions of the libraries inside, by name.
    """

    name: str
    uri: str
    uri_by_digest: str
    base: str
    base_digest: str
    size: int
    version: str
    revision: str
    versions: dict[str, str]


def describe(engine: Engine, tag: str) -> Image:
    """Describe the image `tag` after its push, from its labels and its --version.

    Raises:
        UserError: the image was not pushed, or is not in images.toml.
    """
    inspected = json.loads(engine.output("image", "inspect", tag))[0]
    labels: dict[str, str] = inspected["Config"]["Labels"]
    return Image(
        name=named(labels[LABEL + "title"]),
        uri=tag,
        uri_by_digest=by_digest(tag, inspected.get("RepoDigests") or ()),
        base=labels[LABEL + "base.name"],
        base_digest=labels[LABEL + "base.digest"],
        size=layers_size(engine, tag),
        version=labels[LABEL + "version"],
        revision=labels[LABEL + "revision"],
        versions=json.loads(engine.output("run", "--rm", "--network", "none", tag, "--version"))["libraries"],
    )


def layers_size(engine: Engine, tag: str) -> int:
    """Uncompressed size of all layers in bytes; Size of `image inspect` is compressed on the containerd image store."""
    sizes = engine.output("image", "history", "--human=false", "--format", "{{.Size}}", tag)
    return sum(int(size) for size in sizes.split())


def named(repository: str) -> str:
    """Name of the image in images.toml that is pushed to `repository`.

    Raises:
        UserError: there is none.
    """
    catalog = Catalog.read()
    for name in catalog.names():
        if catalog.field(name, "repository") == repository:
            return name
    raise UserError(f"no image of images.toml has the repository {repository}")


def by_digest(tag: str, digests: Iterable[str]) -> str:
    """The entry of `digests` (REPOSITORY@sha256:...) with the repository of `tag`.

    Raises:
        UserError: there is none, since the image was not pushed.
    """
    repository = tag.rpartition(":")[0]
    for digest in digests:
        if digest.partition("@")[0] == repository:
            return digest
    raise UserError(f"image {tag} has no digest in its registry; expected an image that was pushed")


def check_writable(path: Path) -> None:
    """Check, before a push, that images.json can be written to `path` afterwards.

    Raises:
        UserError: it is a folder, has other content, or its folder is not writable.
    """
    if path.is_dir():
        raise UserError(f"--images-json is {path}, which is a folder; expected a file")
    if path.exists():
        read_json(path, "list of images")
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise UserError(f"--images-json is {path}, which cannot be written; expected a folder of this user")


def write(engine: Engine, path: Path, tags: Sequence[str]) -> list[Image]:
    """Write the SBOM of each pushed image of `tags`, and images.json at `path`; returns the images.

    Raises:
        UserError: an image cannot be described, or the existing images.json is damaged.
    """
    images = [describe(engine, tag) for tag in tags]
    for image in images:
        write_text(path.with_name(sbom.file_name(image.name)), bill_of_materials(engine, image))
    write_json(path, document(images, read_json(path, "list of images") if path.exists() else {}))
    return images


def document(images: Sequence[Image], earlier: Mapping[str, Any]) -> dict[str, Any]:
    """The content of images.json: the images by name, and those of `earlier` that were not pushed now."""
    return {"images": {**earlier.get("images", {}), **{image.name: entry(image) for image in images}}}


def entry(image: Image) -> dict[str, Any]:
    """The entry of one image in images.json; `sbom` is the name of a file in the same folder."""
    return {**{k: v for k, v in asdict(image).items() if k != "name"}, "sbom": sbom.file_name(image.name)}


def bill_of_materials(engine: Engine, image: Image) -> str:
    """The CycloneDX document of `image`, from the Python distributions that are installed inside."""
    python = ("run", "--rm", "--network", "none", "--entrypoint", "python", image.uri, "-c", sbom.INSIDE)
    distributions = [sbom.Distribution(**found) for found in json.loads(engine.output(*python))]
    return sbom.render(image.name, image.uri_by_digest, image.version, distributions)


def publish_all(images: Sequence[Image], prefix: str, region: str) -> None:
    """Set the SSM parameters of the images.

    Raises:
        AwsError: AWS refuses it.
    """
    with aws.explained(region):
        ssm = aws.client("ssm", region)
        for image in images:
            note(f"{image.name}: {', '.join(publish(ssm, prefix, image)) or 'SSM parameters unchanged'}")


def publish(ssm: Any, prefix: str, image: Image) -> list[str]:
    """Set the SSM parameters /PREFIX/IMAGE/VERSION and /PREFIX/IMAGE/latest to the URI by digest.

    Returns:
        Names of the parameters that were changed.
    """
    changed = []
    for which in (image.version, "latest"):
        name = f"/{prefix.strip('/')}/{image.name}/{which}"
        if current(ssm, name) != image.uri_by_digest:
            ssm.put_parameter(Name=name, Value=image.uri_by_digest, Type="String", Overwrite=True)
            changed.append(name)
    return changed


def current(ssm: Any, name: str) -> str | None:
    """The value of an SSM parameter; None if it does not exist."""
    try:
        return str(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        return None
