"""Describes the pushed images for launchers: writes images.json and SBOM files, and publishes SSM parameters.

usage: python -m images.release --client docker --output images.json [--publish-parameters PREFIX --region R] TAG...
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from contract.files import write_json, write_text
from images import aws, sbom
from images.catalog import Catalog

LABEL = "org.opencontainers.image."


@dataclass(frozen=True)
class Image:
    """A pushed image, as images.json describes it.

    Attributes:
        uri: URI with the tag.
        uri_by_digest: URI with the digest in the registry; the one to launch jobs with.
        base, base_digest: URI and digest of the base image.
        size: size of all layers, uncompressed, in bytes.
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


class ReleaseError(Exception):
    """An image cannot be described; one sentence."""


def describe(client: str, tag: str) -> Image:
    """Describe the image `tag` after its push, from its labels and its --version.

    Args:
        client: the Docker client, such as docker.

    Raises:
        ReleaseError: the image was not pushed, or is not in images.toml.
    """
    inspected = json.loads(output(client, "image", "inspect", tag))[0]
    labels: dict[str, str] = inspected["Config"]["Labels"]
    return Image(
        name=named(labels[LABEL + "title"]),
        uri=tag,
        uri_by_digest=by_digest(tag, inspected.get("RepoDigests") or ()),
        base=labels[LABEL + "base.name"],
        base_digest=labels[LABEL + "base.digest"],
        size=int(inspected["Size"]),
        version=labels[LABEL + "version"],
        revision=labels[LABEL + "revision"],
        versions=json.loads(output(client, "run", "--rm", "--network", "none", tag, "--version"))["libraries"],
    )


def named(repository: str) -> str:
    """Name of the image in images.toml that is pushed to `repository`.

    Raises:
        ReleaseError: there is none.
    """
    catalog = Catalog.read()
    for name in catalog.names():
        if catalog.field(name, "repository") == repository:
            return name
    raise ReleaseError(f"no image of images.toml has the repository {repository}")


def by_digest(tag: str, digests: Iterable[str]) -> str:
    """The entry of `digests` (REPOSITORY@sha256:...) with the repository of `tag`.

    Raises:
        ReleaseError: there is none, since the image was not pushed.
    """
    repository = tag.rpartition(":")[0]
    for digest in digests:
        if digest.partition("@")[0] == repository:
            return digest
    raise ReleaseError(f"image {tag} has no digest in its registry; expected an image that was pushed")


def output(client: str, *arguments: str) -> str:
    """Standard output of a command of the Docker client.

    Raises:
        ReleaseError: it failed.
    """
    finished = subprocess.run([client, *arguments], capture_output=True, text=True, check=False)
    if finished.returncode:
        raise ReleaseError(f"{client} {arguments[0]} failed: {finished.stderr.strip()}")
    return finished.stdout


def document(images: Sequence[Image]) -> dict[str, Any]:
    """The content of images.json: the images by name."""
    return {"images": {image.name: entry(image) for image in images}}


def entry(image: Image) -> dict[str, Any]:
    """The entry of one image in images.json; `sbom` is the name of a file in the same folder."""
    return {**{k: v for k, v in asdict(image).items() if k != "name"}, "sbom": sbom.file_name(image.name)}


def bill_of_materials(client: str, image: Image) -> str:
    """The CycloneDX document of `image`, from the Python distributions that are installed inside."""
    inside = output(client, "run", "--rm", "--network", "none", "--entrypoint", "python", image.uri, "-c", sbom.INSIDE)
    return sbom.render(image.name, image.uri_by_digest, image.version, json.loads(inside))


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


def main(arguments: Sequence[str]) -> int:
    """Describe the images whose tags the command line names; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m images.release", allow_abbrev=False)
    parser.add_argument("--client", required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--publish-parameters", metavar="PREFIX")
    parser.add_argument("--region", required=True)
    parser.add_argument("tags", nargs="+")
    options = parser.parse_args(arguments)
    try:
        images = [describe(options.client, tag) for tag in options.tags]
        for image in images:
            write_text(options.output.with_name(sbom.file_name(image.name)), bill_of_materials(options.client, image))
        write_json(options.output, document(images))
        if options.publish_parameters:
            with aws.explained(options.region):
                ssm = aws.client("ssm", options.region)
                for image in images:
                    changed = publish(ssm, options.publish_parameters, image)
                    print(f"{image.name}: {', '.join(changed) or 'SSM parameters unchanged'}", file=sys.stderr)
    except (ReleaseError, aws.AwsError) as error:
        print(f"build.sh: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
