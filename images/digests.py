"""Writes digests.toml: the digest of each Deep Learning Container of images.toml, from its registry in ECR.

usage: python -m images.digests [--region R]    For a scheduled job that proposes the change.

A registry may replace the image of a tag, for security updates; a build by digest is the same until this file changes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from contract.failures import UserError
from contract.files import write_text
from images import aws
from images.catalog import DIGESTS_FILE, Catalog


def resolve(ecr: Any, account: str, references: Sequence[str]) -> dict[str, str]:
    """The digest of each REPOSITORY:TAG in the registry of `account`.

    Raises:
        UserError: the registry has no such tag.
    """
    found = {}
    for reference in references:
        repository, _, tag = reference.partition(":")
        images = ecr.batch_get_image(registryId=account, repositoryName=repository, imageIds=[{"imageTag": tag}])
        if not images["images"]:
            raise UserError(f"base {reference} is not in the registry of account {account}, expected a released tag")
        found[reference] = str(images["images"][0]["imageId"]["imageDigest"])
    return found


def render(text: str, digests: Mapping[str, str]) -> str:
    """The content of digests.toml with other digests; the comment at its top is that of `text`."""
    comment = text.partition("[digests]")[0]
    return comment + "[digests]\n" + "".join(f'"{name}" = "{digest}"\n' for name, digest in sorted(digests.items()))


def main(arguments: Sequence[str], path: Path = DIGESTS_FILE) -> int:
    """Write the file; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m images.digests", allow_abbrev=False)
    parser.add_argument("--region", default="us-east-1")
    region = parser.parse_args(arguments).region
    catalog = Catalog.read(digests=path)
    try:
        with aws.explained(region):
            digests = resolve(aws.client("ecr", region), catalog.owner(region), catalog.released())
    except UserError as error:
        print(f"digests: {error}", file=sys.stderr)
        return 1
    write_text(path, render(path.read_text(encoding="utf-8"), digests))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
