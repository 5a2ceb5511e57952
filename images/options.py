"""BuildOptions: the options of build.sh, with their help, and checks of their values."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from contract import __version__
from contract.failures import UserError
from images.catalog import ECR_HOST, Catalog

DEFAULT_REGION = "us-east-1"
# A tag of a registry has at most 128 characters; the revision takes 19 of them. Source: OCI distribution specification.
VERSION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
PLATFORM = re.compile(r"linux/[a-z0-9]+(/v\d+)?")
# HOST, HOST:PORT, or either with a path. Source: the reference grammar of Docker images.
REGISTRY = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
PARAMETERS = re.compile(r"/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*/?")
DESCRIPTION = """
Builds the images of images/images.toml, or those named, and tags each with the version and with version-revision (git).
"""
VARIABLES = """
environment variables; those about packages and proxies are passed to the build and are in no layer:
  PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, PIP_TRUSTED_HOST   a private package index
  PIP_FIND_LINKS       folders of wheels, separated by spaces
  PIP_CERT or SSL_CERT_FILE   a certificate bundle for a private proxy
  HTTP_PROXY, HTTPS_PROXY, NO_PROXY   the proxy
  DOCKER               the Docker client (default: the first one on PATH that can build with BuildKit)
  DEBIAN_IMAGE         base image of the stand-ins (default debian:bookworm-slim)
  PYTHON               a Python from 3.11 on, with boto3 and cyclonedx to push (default: .venv's, else python3)
"""


class Parser(argparse.ArgumentParser):
    """A parser that raises UserError for a command line that it does not understand, in place of printing its usage."""

    def error(self, message: str) -> NoReturn:
        """Raise `message` as UserError."""
        raise UserError(message)


@dataclass(frozen=True)
class BuildOptions:
    """The options of build.sh, as `parser` describes them."""

    images: tuple[str, ...]
    base: str
    region: str
    registry: str | None
    push: bool
    images_json: Path
    pull_accounts: tuple[str, ...]
    pull_organization: str | None
    kms_key: str | None
    publish_parameters: str | None
    reconcile: bool
    skip_selftest: bool
    allow_dirty: bool
    version: str
    latest: bool
    processing_on_cpu: bool
    platform: str
    no_cache: bool
    dry_run: bool

    @property
    def is_standin(self) -> bool:
        """Whether the base images are stand-ins, which are built first."""
        return self.base.startswith("standin")


def parse(arguments: Sequence[str], environ: Mapping[str, str], catalog: Catalog) -> BuildOptions:
    """Parse the command line of build.sh.

    Raises:
        UserError: an option or image is unknown, a value is none, or two options do not go together.
    """
    given = vars(parser(environ, catalog).parse_args(arguments))
    options = BuildOptions(**{**given, "images": tuple(dict.fromkeys(given["images"] or catalog.names()))})
    for image in options.images:
        if image not in catalog.names():
            raise UserError(f"image is {image!r}, expected one of: {', '.join(catalog.names())}")
    if options.push and not options.registry:
        raise UserError("--push is given without --registry, expected both")
    if options.registry and ".dkr.ecr" in options.registry and not ECR_HOST.fullmatch(options.registry):
        raise UserError(
            f"--registry is {options.registry!r}, expected ACCOUNT.dkr.ecr.REGION.amazonaws.com without a path, "
            "ACCOUNT of twelve digits"
        )
    if not options.push:
        for name in ("pull_accounts", "pull_organization", "kms_key", "publish_parameters", "reconcile"):
            if given[name]:
                raise UserError(f"--{name.replace('_', '-')} is given without --push, expected both")
    return options


def parser(environ: Mapping[str, str], catalog: Catalog) -> argparse.ArgumentParser:
    """The parser of the command line."""
    form = argparse.RawDescriptionHelpFormatter
    root = Parser(prog="build.sh", allow_abbrev=False, description=DESCRIPTION, epilog=VARIABLES, formatter_class=form)
    add_build_options(root, environ, catalog)
    add_push_options(root)
    root.add_argument("--dry-run", action="store_true", help="print the commands without running them")
    return root


def add_build_options(root: argparse.ArgumentParser, environ: Mapping[str, str], catalog: Catalog) -> None:
    """Add the images and the options of a build."""
    add = root.add_argument
    add("images", nargs="*", metavar="image", help=f"one of {', '.join(catalog.names())}; all by default")
    add(
        "--base",
        choices=catalog.kinds(),
        default="dlc",
        help="base images: the released Deep Learning Containers "
        "(default), the next generation of them, or CPU stand-ins of either, which are built first",
    )
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
    add(
        "--region",
        type=region_name,
        default=region,
        help="AWS region of the base images' registry and of SSM "
        f"(default: AWS_REGION, else AWS_DEFAULT_REGION, else {DEFAULT_REGION})",
    )
    add(
        "--processing-on-cpu",
        action="store_true",
        help="build processing on the base of inference-cpu, a fraction of the size of training's",
    )
    add("--version", type=version, default=__version__, help="version for the tags (default: contract/__init__.py's)")
    add("--latest", action="store_true", help="set the tag `latest` too")
    add(
        "--platform",
        type=platform,
        default="linux/amd64",
        help="platform to build for (default linux/amd64, SageMaker's)",
    )
    add("--no-cache", action="store_true", help="build without the layer cache")


def add_push_options(root: argparse.ArgumentParser) -> None:
    """Add the options of a push."""
    add = root.add_argument_group("push").add_argument
    add(
        "--push",
        action="store_true",
        help="push after building; needs --registry. Each image runs with --version and "
        "selftest first. Writes images.json with the URI by digest of each image, which keeps the entries of others, "
        "and in the same folder a software bill of materials (CycloneDX) for each",
    )
    add(
        "--registry",
        type=registry,
        help="ACCOUNT.dkr.ecr.REGION.amazonaws.com, where missing repositories are created, or "
        "HOST:PORT of another registry; part of every tag if set",
    )
    add("--images-json", type=Path, default=Path("images.json"), help="path of images.json (default images.json)")
    add("--pull-accounts", type=account_ids, default=(), metavar="A,B", help="ids of the accounts that may pull")
    add("--pull-organization", type=organization_id, help="id of the organization whose accounts may pull")
    add("--kms-key", metavar="ARN", help="key that encrypts new repositories")
    add(
        "--reconcile",
        action="store_true",
        help="reset the lifecycle policy, tag immutability and scan on push of "
        "repositories that exist; without it only what a repository lacks is set",
    )
    add(
        "--publish-parameters",
        type=parameters,
        metavar="P",
        help="set the SSM parameters /P/IMAGE/VERSION and /P/IMAGE/latest",
    )
    add("--skip-selftest", action="store_true", help="push without running selftest in each image")
    add("--allow-dirty", action="store_true", help="push although the working tree has uncommitted changes")


def version(text: str) -> str:
    """Parse --version: what a tag may hold."""
    if not VERSION.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a tag; expected letters, digits, dots, hyphens and underscores"
        )
    return text


def region_name(text: str) -> str:
    """Parse --region: the form of a region's name."""
    if not re.fullmatch(r"[a-z]+(-[a-z]+)+-\d+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a region; expected a name such as eu-west-1")
    return text


def platform(text: str) -> str:
    """Parse --platform: a single one, since an image for several is an index, which SageMaker refuses."""
    if not PLATFORM.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not one platform; expected linux/amd64, or another of Linux")
    return text


def registry(text: str) -> str:
    """Parse --registry: what a tag may begin with."""
    if not REGISTRY.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a registry; expected HOST or HOST:PORT, without https://")
    return text


def parameters(text: str) -> str:
    """Parse --publish-parameters: a prefix of names in SSM's Parameter Store."""
    if not PARAMETERS.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a prefix of SSM parameters; expected one such as ml/images")
    return text


def account_ids(text: str) -> tuple[str, ...]:
    """Parse --pull-accounts: twelve-digit account ids, separated by commas."""
    accounts = tuple(filter(None, text.split(",")))
    invalid = next((account for account in accounts if not re.fullmatch(r"\d{12}", account)), None)
    if invalid is not None:
        raise argparse.ArgumentTypeError(f"{invalid!r} is not an account id; expected twelve digits")
    return accounts


def organization_id(text: str) -> str | None:
    """Parse --pull-organization: the id of an AWS organization; empty means None."""
    if text and not re.fullmatch(r"o-[a-z0-9]{10,32}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not an organization id; expected o- and ten or more characters")
    return text or None
