"""Reads images.toml and digests.toml: the list of images, their base images, and the digests of these."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CATALOG_FILE = Path(__file__).with_name("images.toml")
DIGESTS_FILE = Path(__file__).with_name("digests.toml")
# Kinds of bases that are built here end in the name of the generation that they stand in for.
NEXT = "-next"

ECR_HOST = re.compile(r"(?P<account>\d{12})\.dkr\.ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.[a-z0-9.-]+")

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
    """The parsed images.toml, and the digests of base images by REPOSITORY:TAG."""

    content: dict[str, Any]
    digests: dict[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def read(cls, path: Path = CATALOG_FILE, digests: Path = DIGESTS_FILE) -> Catalog:
        """Parse the two files."""
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return cls(content, tomllib.loads(digests.read_text(encoding="utf-8"))["digests"])

    def names(self) -> list[str]:
        """Names of the images: processing, training, inference, inference-cpu."""
        return list(self.content["images"])

    def kinds(self) -> list[str]:
        """Kinds of base images: dlc, dlc-next, standin, standin-next."""
        return list(self.content["bases"])

    def package(self, image: str) -> str:
        """The package that runs in `image`, which is also its target in the Dockerfile: its name by default."""
        return str(self.content["images"][image].get("package", image))

    def field(self, image: str, name: str) -> str:
        """One field of an image: repository, base or description.

        Raises:
            KeyError: there is no such image or field.
        """
        return str(self.content["images"][image][name])

    def base(self, image: str, kind: str, region: str, name: str | None = None) -> str:
        """The base image of `image`: URI of a Deep Learning Container (dlc...), or tag of a stand-in (standin...).

        Args:
            name: another base of images.toml than that of `image`; None for its own.
        """
        reference = self.reference(name or self.field(image, "base"), kind)
        if kind.startswith("standin"):
            return reference
        digest = self.digests.get(reference)
        return f"{registry(self.content['registries'], region)}/{reference}" + (f"@{digest}" if digest else "")

    def reference(self, base: str, kind: str) -> str:
        """REPOSITORY:TAG of a base; that of the released generation where the next one has none of its name."""
        bases = self.content["bases"]
        return str(bases[kind].get(base) or bases[kind.removesuffix(NEXT)][base])

    def released(self) -> list[str]:
        """REPOSITORY:TAG of every released Deep Learning Container of images.toml."""
        return sorted(self.content["bases"]["dlc"].values())

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
