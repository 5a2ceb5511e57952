"""Entry point of build.sh: builds the images of images.toml, and with --push tests and pushes them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from contract.failures import EXIT_OK, EXIT_USER_ERROR, UserError
from images import build_inputs, engine, standins
from images.catalog import Catalog
from images.engine import Engine, note
from images.options import BuildOptions, parse

LABEL = "org.opencontainers.image."
UNKNOWN, DIRTY = "unknown", "-dirty"
# As shells report a program that SIGINT ended.
EXIT_INTERRUPTED = 130
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Build:
    """One run of build.sh.

    Attributes:
        revision: git revision of the tree, with -dirty for uncommitted changes, or unknown.
        inputs: options of each build: secrets, proxies, platform, cache.
    """

    options: BuildOptions
    catalog: Catalog
    engine: Engine
    revision: str
    inputs: tuple[str, ...]

    def base(self, image: str) -> str:
        """The base image of `image`, by digest where images/digests.toml has one."""
        name = "inference-cpu" if image == "processing" and self.options.processing_on_cpu else None
        return self.catalog.base(image, self.options.base, self.options.region, name)

    @property
    def is_reproducible(self) -> bool:
        """Whether the revision alone says what was built."""
        return self.revision != UNKNOWN and not self.revision.endswith(DIRTY)

    def bases(self) -> list[str]:
        """The base images of all images to build, each once."""
        return sorted({self.base(image) for image in self.options.images})

    def tags(self, image: str) -> list[str]:
        """The version, and version-revision; with --latest, latest."""
        name = self.catalog.field(image, "repository")
        if self.options.registry:
            name = f"{self.options.registry}/{name}"
        version = self.options.version
        return [f"{name}:{tag}" for tag in (version, f"{version}-{self.revision}", *["latest"] * self.options.latest)]

    def build(self, image: str) -> None:
        """Build and tag one image.

        Raises:
            UserError: the build failed.
        """
        base = self.base(image)
        name, digest = base.partition("@")[0], self.digest(base)
        note(f"image: {image}, from {base}")
        fields = {"version": self.options.version, "revision": self.revision, "base": name, "base_digest": digest}
        if not self.options.dry_run:
            build_inputs.record(image, fields)
        tags = [word for tag in self.tags(image) for word in ("--tag", tag)]
        arguments = {"BASE_IMAGE": base, "IMAGE": image, "PACKAGE": self.catalog.package(image)}
        settings = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
        target = ["--target", self.catalog.package(image), "--file", "images/Dockerfile", "."]
        self.engine.build(*self.inputs, *tags, *self.labels(image, name, digest), *settings, *target)

    def labels(self, image: str, base: str, digest: str) -> list[str]:
        """The options with the labels of the OCI image specification."""
        labels = {
            "title": self.catalog.field(image, "repository"),
            "description": self.catalog.field(image, "description"),
            "version": self.options.version,
            "revision": self.revision,
            "base.name": base,
            "base.digest": digest,
        }
        return [word for key, value in labels.items() for word in ("--label", f"{LABEL}{key}={value}")]

    def digest(self, base: str) -> str:
        """Digest of the base image: its registry's, else that of the engine; unknown in a dry run."""
        if "@" in base:
            return base.partition("@")[2]
        template = "{{if .RepoDigests}}{{index .RepoDigests 0}}{{else}}{{.Id}}{{end}}"
        try:
            return self.engine.output("image", "inspect", "--format", template, base).strip().rpartition("@")[2]
        except UserError:
            if self.options.dry_run:
                return "unknown"
            raise


def revision(options: BuildOptions) -> str:
    """The git revision of the tree.

    Raises:
        UserError: --push, and the tree has changes that are in no revision, or git does not know its revision.
    """
    found = git("rev-parse", "--short=12", "HEAD") or UNKNOWN
    if found == UNKNOWN and options.push and not options.allow_dirty:
        raise UserError(
            f"git does not know the revision of {ROOT}, expected a clone that this user owns (or git's "
            "safe.directory), or --allow-dirty"
        )
    if not git("status", "--porcelain"):
        return found
    if options.push and not options.allow_dirty:
        raise UserError(
            f"the working tree has changes that are not in revision {found}, expected them committed, or --allow-dirty"
        )
    return f"{found}{DIRTY}"


def git(*arguments: str) -> str:
    """Standard output of git in this repository; empty where it fails."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Build, and with --push push, as the command line says; prints the tags.

    Raises:
        UserError: an option, the engine, a build, a test of an image or a push; one sentence.
        AwsError: AWS refuses something.
    """
    os.chdir(ROOT)
    catalog = Catalog.read()
    options = parse(arguments, environ, catalog)
    if options.push:
        # A build takes minutes: what only the push needs is checked before it.
        registry_module().check_request(options)
    commit = revision(options)
    client = engine.choose(environ, options.dry_run)
    client.check()
    if options.is_standin:
        client = client.beside_images(environ)
    fixed = ("--platform", options.platform, *["--no-cache"] * options.no_cache)
    build = Build(options, catalog, client, commit, (*build_inputs.prepare(environ), *fixed))
    if options.is_standin:
        standins.build(client, build.bases(), build.inputs, environ)
    else:
        registry_module().pull(build)
    for image in options.images:
        build.build(image)
    if options.push:
        registry_module().push(build)
    print("\n".join(tag for image in options.images for tag in build.tags(image)))


def registry_module() -> ModuleType:
    """images.push, imported late: a build on the stand-ins needs neither boto3 nor cyclonedx.

    Raises:
        UserError: this Python lacks one of them.
    """
    try:
        from images import push
    except ModuleNotFoundError as error:
        raise UserError(
            f"{sys.executable} has no {error.name}, which ECR and images.json need; run make setup, or set PYTHON"
        ) from None
    return push


def main(arguments: Sequence[str]) -> int:
    """Run build.sh; returns the exit status."""
    try:
        run(arguments, os.environ)
    except UserError as error:
        note(str(error))
        return EXIT_USER_ERROR
    except OSError as error:
        note(f"{error.filename or ROOT}: {error.strerror or error}")
        return EXIT_USER_ERROR
    except KeyboardInterrupt:
        note("interrupted; run the same command again to finish")
        return EXIT_INTERRUPTED
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
