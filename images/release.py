"""What was pushed, for launchers: images.json, SBOM files and SSM parameters.

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
    """One image as it was pushed.

    Attributes:
        uri: by tag.
        uri_by_digest: by the digest that the registry gave it; what a job should name.
        base, base_digest: what it extends.
        size: bytes on disk, all layers.
        revision: of the source.
        versions: inside it, by library.
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
    """What is missing for a release, in one sentence."""


def describe(client: str, tag: str) -> Image:
    """The image `tag`, as the engine behind `client` knows it after a push.

    Raises:
        ReleaseError: it was not pushed, or its name is in no list.
    """
    found = json.loads(output(client, "image", "inspect", tag))[0]
    labels: dict[str, str] = found["Config"]["Labels"]
    return Image(
        name=named(labels[LABEL + "title"]),
        uri=tag,
        uri_by_digest=by_digest(tag, found.get("RepoDigests") or ()),
        base=labels[LABEL + "base.name"],
        base_digest=labels[LABEL + "base.digest"],
        size=int(found["Size"]),
        version=labels[LABEL + "version"],
        revision=labels[LABEL + "revision"],
        versions=json.loads(output(client, "run", "--rm", "--network", "none", tag, "--version"))["libraries"],
    )


def named(repository: str) -> str:
    """The image that is pushed to `repository`."""
    catalog = Catalog.read()
    for name in catalog.names():
        if catalog.field(name, "repository") == repository:
            return name
    raise ReleaseError(f"no image of images.toml has the repository {repository}")


def by_digest(tag: str, digests: Iterable[str]) -> str:
    """The one of `digests` (REPOSITORY@sha256:...) that is of the repository of `tag`."""
    repository = tag.rpartition(":")[0]
    for digest in digests:
        if digest.partition("@")[0] == repository:
            return digest
    raise ReleaseError(f"image {tag} has no digest in its registry; expected one that was pushed")


def output(client: str, *arguments: str) -> str:
    finished = subprocess.run([client, *arguments], capture_output=True, text=True, check=False)
    if finished.returncode:
        raise ReleaseError(f"{client} {arguments[0]} failed: {finished.stderr.strip()}")
    return finished.stdout


def document(images: Sequence[Image]) -> dict[str, Any]:
    """The content of images.json: each image by its name."""
    return {"images": {image.name: entry(image) for image in images}}


def entry(image: Image) -> dict[str, Any]:
    """What images.json says of one image; `sbom` is a file beside it."""
    return {**{k: v for k, v in asdict(image).items() if k != "name"}, "sbom": sbom.file_name(image.name)}


def bill_of_materials(client: str, image: Image) -> str:
    """The CycloneDX document of `image`, from what is installed inside."""
    inside = output(client, "run", "--rm", "--network", "none", "--entrypoint", "python", image.uri, "-c", sbom.INSIDE)
    return sbom.render(image.name, image.uri_by_digest, image.version, json.loads(inside))


def publish(ssm: Any, prefix: str, image: Image) -> list[str]:
    """Have /PREFIX/IMAGE/VERSION and /PREFIX/IMAGE/latest name `image` by digest; returns those that were changed."""
    changed = []
    for which in (image.version, "latest"):
        name = f"/{prefix.strip('/')}/{image.name}/{which}"
        if current(ssm, name) != image.uri_by_digest:
            ssm.put_parameter(Name=name, Value=image.uri_by_digest, Type="String", Overwrite=True)
            changed.append(name)
    return changed


def current(ssm: Any, name: str) -> str | None:
    try:
        return str(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        return None


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m images.release", allow_abbrev=False)
    parser.add_argument("--client", required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--publish-parameters", metavar="PREFIX")
    parser.add_argument("--region", required=True)
    parser.add_argument("tags", nargs="+")
    given = parser.parse_args(arguments)
    try:
        images = [describe(given.client, tag) for tag in given.tags]
        for image in images:
            write_text(given.output.with_name(sbom.file_name(image.name)), bill_of_materials(given.client, image))
        write_json(given.output, document(images))
        if given.publish_parameters:
            with aws.explained(given.region):
                ssm = aws.client("ssm", given.region)
                for image in images:
                    changed = publish(ssm, given.publish_parameters, image)
                    print(f"{image.name}: {', '.join(changed) or 'nothing to change in SSM'}", file=sys.stderr)
    except (ReleaseError, aws.AwsError) as error:
        print(f"build.sh: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
