"""Reads images.toml, the one list of images and bases, for build.sh and for the tests.

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

# Region prefixes whose registries have another domain than amazonaws.com.
# Source: the AWS endpoint rules for each partition.
DOMAINS = {
    "cn-": "amazonaws.com.cn",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
}
DEFAULT_DOMAIN = "amazonaws.com"


@dataclass(frozen=True)
class Catalog:
    """The parsed list."""

    content: dict[str, Any]

    @classmethod
    def read(cls, path: Path = CATALOG_FILE) -> Catalog:
        return cls(tomllib.loads(path.read_text(encoding="utf-8")))

    def names(self) -> list[str]:
        return list(self.content["images"])

    def field(self, image: str, field: str) -> str:
        """A field of one image: repository, base or description.

        Raises:
            KeyError: no such image or field.
        """
        return str(self.content["images"][image][field])

    def base(self, image: str, kind: str, region: str) -> str:
        """The image that `image` extends: a Deep Learning Container's URI, or a stand-in's tag."""
        reference = str(self.content["bases"][kind][self.field(image, "base")])
        return f"{registry(self.content['registries'], region)}/{reference}" if kind == "dlc" else reference

    def owner(self, region: str) -> str:
        """Id of the account that owns the Deep Learning Containers of `region`."""
        return owner(self.content["registries"], region)


def registry(accounts: dict[str, str], region: str) -> str:
    """Host name of the registry that serves Deep Learning Containers in `region`."""
    return f"{owner(accounts, region)}.dkr.ecr.{region}.{domain(region)}"


def owner(accounts: dict[str, str], region: str) -> str:
    return accounts.get(region, accounts["default"])


def domain(region: str) -> str:
    """DNS suffix of the region's partition."""
    return next((suffix for prefix, suffix in DOMAINS.items() if region.startswith(prefix)), DEFAULT_DOMAIN)


def main(arguments: Sequence[str]) -> int:
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
