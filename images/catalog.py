"""Reads images.toml, the list of images and base images, for build.sh and the tests.

usage: catalog.py names
       catalog.py base IMAGE dlc|standin REGION
       catalog.py field IMAGE repository|base|description
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CATALOG_FILE = Path(__file__).with_name("images.toml")

# Domains of registries in partitions other than aws, by prefix of the region.
# Source: the AWS endpoint rules of each partition.
DOMAINS = {
    "cn-": "amazonaws.com.cn",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
}
DEFAULT_DOMAIN = "amazonaws.com"


@dataclass(frozen=True)
class Catalog:
    """The parsed images.toml."""

    content: dict[str, Any]

    @classmethod
    def read(cls, path: Path = CATALOG_FILE) -> Catalog:
        """Parse the file `path`."""
        return cls(tomllib.loads(path.read_text(encoding="utf-8")))

    def names(self) -> list[str]:
        """Names of the images: processing, training, inference."""
        return list(self.content["images"])

    def field(self, image: str, field: str) -> str:
        """One field of an image: repository, base or description.

        Raises:
            KeyError: there is no such image or field.
        """
        return str(self.content["images"][image][field])

    def base(self, image: str, kind: str, region: str) -> str:
        """The base image of `image`: URI of a Deep Learning Container (kind dlc), or tag of a stand-in (standin)."""
        reference = str(self.content["bases"][kind][self.field(image, "base")])
        return f"{registry(self.content['registries'], region)}/{reference}" if kind == "dlc" else reference

    def owner(self, region: str) -> str:
        """Id of the AWS account that owns the Deep Learning Containers in `region`."""
        return owner(self.content["registries"], region)


def registry(accounts: dict[str, str], region: str) -> str:
    """Host name of the registry of the Deep Learning Containers in `region`."""
    return f"{owner(accounts, region)}.dkr.ecr.{region}.{domain(region)}"


def owner(accounts: dict[str, str], region: str) -> str:
    """The account of `region` in the table [registries] of images.toml."""
    return accounts.get(region, accounts["default"])


def domain(region: str) -> str:
    """DNS suffix of ECR registries in the partition of `region`."""
    return next((suffix for prefix, suffix in DOMAINS.items() if region.startswith(prefix)), DEFAULT_DOMAIN)


def main(arguments: Sequence[str]) -> int:
    """Run a command of the command line; returns the exit status."""
    catalog = Catalog.read()
    match list(arguments):
        case ["names"]:
            print("\n".join(catalog.names()))
        case ["field", image, field]:
            print(catalog.field(image, field))
        case ["base", image, kind, region]:
            print(catalog.base(image, kind, region))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
