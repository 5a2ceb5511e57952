"""Engine: the Docker client that builds and pushes; its commands are printed, and run unless it is a dry run."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from contract.failures import UserError, first_line

# SageMaker takes Docker v2 manifests only. BuildKit's attestations make an image an OCI index, BuildKit from 0.32 on
# (Docker 29.7) writes OCI manifests unless told otherwise, and podman's default format is OCI's. A client that does not
# know a variable ignores it, which it would not with an option.
# Sources: docs.docker.com, "Build attestations"; moby/buildkit, docs/build-repro.md; buildah-build(1), BUILDAH_FORMAT.
FORMAT = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "BUILDAH_FORMAT": "docker"}
BUILDKIT = {"DOCKER_BUILDKIT": "1"}
# --load with the media types of Docker.
BUILDX = ("buildx", "build", "--output", "type=docker,oci-mediatypes=false")


def note(text: str) -> None:
    """Print a line of progress to standard error; standard output has the tags alone."""
    print(f"build.sh: {text}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Engine:
    """A Docker client, and how it builds.

    Attributes:
        client: path or name of the client.
        builder: words before the options of a build, without the client.
        environ: environment variables of a build, beside those of this process.
        dry_run: commands that change something are printed and not run.
    """

    client: str
    builder: tuple[str, ...] = ("build",)
    environ: Mapping[str, str] | None = None
    dry_run: bool = False

    def run(self, *arguments: str, stdin: bytes | None = None) -> None:
        """Print a command and run it; what it prints goes to standard error.

        Raises:
            UserError: it failed.
        """
        self._execute([self.client, *arguments], {}, stdin)

    def build(self, *arguments: str) -> None:
        """Build an image, as `run`."""
        self._execute([self.client, *self.builder, *arguments], self.environ or {}, None)

    def beside_images(self, environ: Mapping[str, str]) -> Engine:
        """This client with the engine's own builder, which alone has the images that only the engine has.

        `docker buildx create --use` makes another one the default; BUILDX_BUILDER, if set, is kept.
        """
        if "buildx" not in self.builder or environ.get("BUILDX_BUILDER"):
            return self
        # The builder of a context has its name.
        name = _output([self.client, "context", "show"]).strip() or "default"
        return replace(self, builder=(*self.builder, "--builder", name))

    def logs_in_itself(self, host: str, environ: Mapping[str, str]) -> bool:
        """Whether the client has Amazon's credential helper for the registry `host`, which refuses `login`.

        Source: github.com/awslabs/amazon-ecr-credential-helper.
        """
        folder = Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            return bool(config.get("credHelpers", {}).get(host, config.get("credsStore")) == "ecr-login")
        except (OSError, ValueError, AttributeError):
            return False

    def _execute(self, command: list[str], environ: Mapping[str, str], stdin: bytes | None) -> None:
        settings = [f"{name}={value}" for name, value in environ.items()]
        print("+", shlex.join([*(["env", *settings] if settings else []), *command]), file=sys.stderr, flush=True)
        if self.dry_run:
            return
        done = subprocess.run(command, env={**os.environ, **environ}, input=stdin, stdout=sys.stderr, check=False)
        if done.returncode:
            raise UserError(f"{' '.join(command[:2])} ended with exit status {done.returncode}; see its output above")

    def output(self, *arguments: str) -> str:
        """Standard output of a command that changes nothing.

        Raises:
            UserError: it failed.
        """
        done = subprocess.run([self.client, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            said = first_line(Exception(done.stderr.strip() or f"exit status {done.returncode}"))
            raise UserError(f"{self.client} {arguments[0]} failed: {said}")
        return done.stdout

    def has(self, image: str) -> bool:
        """Whether the engine has the image."""
        return _succeeds([self.client, "image", "inspect", image])

    def check(self) -> None:
        """Ask the engine for an answer, unless this is a dry run.

        Raises:
            UserError: it cannot be reached.
        """
        if self.dry_run:
            return
        try:
            self.output("info")
        except UserError as error:
            raise UserError(
                f"the Docker engine cannot be reached: {error}; expected one that runs, for this user"
            ) from None


def choose(environ: Mapping[str, str], dry_run: bool) -> Engine:
    """The first client that builds with BuildKit, which secrets and bind mounts need: DOCKER, or one on PATH.

    The client of engine 20.10 has it built in; newer clients need the buildx plugin.

    Raises:
        UserError: there is none.
    """
    for client in candidates(environ):
        # Podman has a command of this name, which takes other options.
        if "docker/buildx" in _output([client, "buildx", "version"]):
            note(f"client: {client} with buildx")
            return Engine(client, BUILDX, FORMAT, dry_run)
        if _has_buildkit(client):
            note(f"client: {client} with BuildKit")
            return Engine(client, ("build",), BUILDKIT | FORMAT, dry_run)
    given = environ.get("DOCKER")
    where = f"DOCKER is {given!r}, which does not build" if given else "no Docker client on PATH builds"
    raise UserError(f"{where} with BuildKit; expected docker-buildx, or DOCKER set to the path of a client that can")


def candidates(environ: Mapping[str, str]) -> Iterable[str]:
    """The client that DOCKER names, else every docker and podman on PATH."""
    if environ.get("DOCKER"):
        return [environ["DOCKER"]]
    folders = environ.get("PATH", os.defpath).split(os.pathsep)
    found = (shutil.which(name, path=folder) for name in ("docker", "podman") for folder in folders)
    return dict.fromkeys(client for client in found if client)


def _has_buildkit(client: str) -> bool:
    try:
        done = subprocess.run(
            [client, "build", "--help"], env={**os.environ, **BUILDKIT}, capture_output=True, text=True, check=False
        )
    except OSError:
        return False
    return "--secret" in done.stdout and "buildx" not in (done.stdout + done.stderr).lower()


def _output(command: list[str]) -> str:
    """Standard output of a command; empty where there is no such program."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""


def _succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
