"""Installs requirements files into the Python environment of an image, during its build.

usage: install.py FILE.txt...    It runs in the base image, without other files of this repository.

If there is a FILE.lock next to FILE.txt, libraries are installed in the lock's versions and checked by SHA-256.
Libraries of the base image are kept, unless FILE.txt pins another version; constraints.txt next to it lists their
versions, for this installation and for those of child images. uv is used in base images without pip. A private index,
a certificate or a folder of wheels come as a pip.conf that is mounted for this step only and is in no layer.
"""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path

PIP_CONF = Path("/run/secrets/pip.conf")
CERTIFICATES = Path("/run/secrets/ca.pem")
WHEELS = Path("/wheels")
ENTRY = re.compile(r"^([\w.-]+)(?:\[[\w,-]+\])?==([^\s;\\]+)")


def canonical(name: str) -> str:
    """The normalized name of a distribution (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def entries(lock: str) -> Iterator[tuple[str, str]]:
    """Name and text of each entry of a lock file; the text includes its hashes."""
    for text in re.split(r"^(?=[\w])", lock, flags=re.MULTILINE):
        if match := ENTRY.match(text):
            yield canonical(match[1]), text


def pinned(requirements: str) -> dict[str, str]:
    """The exact versions in a requirements file, by normalized name."""
    matches = (ENTRY.match(line) for line in requirements.splitlines())
    return {canonical(match[1]): match[2] for match in matches if match}


def missing(requirements: str, lock: str, installed: Mapping[str, str]) -> str:
    """The entries of `lock` to install: libraries that are missing, or in another version than `requirements` pins."""
    pins = pinned(requirements)

    def needed(name: str) -> bool:
        return name not in installed or pins.get(name, installed[name]) != installed[name]

    return "".join(text for name, text in entries(lock) if needed(name))


def installed_versions() -> dict[str, str]:
    """The version of each distribution in this environment, by normalized name."""
    return {canonical(one.metadata["Name"]): one.version for one in metadata.distributions()}


def installer() -> list[str]:
    """The command that installs into this environment: pip, or uv if there is no pip."""
    # By its metadata: looking for the module makes setuptools' import hook hand out the standard library's distutils.
    if "pip" in installed_versions():
        pip = [sys.executable, "-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check"]
        return [*pip, "--root-user-action=ignore"]
    return ["uv", "pip", "install", "--no-cache", "--python", sys.executable]


def sources(conf: Path = PIP_CONF, certificates: Path = CERTIFICATES, wheels: Path = WHEELS) -> dict[str, str]:
    """Environment variables with the package index for pip and uv; uv does not read pip.conf."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(conf)
    options = dict(parser["global"]) if "global" in parser else {}
    variables = {"PIP_CONFIG_FILE": str(conf), "UV_FIND_LINKS": str(wheels)}
    for option, name in (("index-url", "UV_DEFAULT_INDEX"), ("extra-index-url", "UV_INDEX")):
        if option in options:
            variables[name] = options[option]
    if certificates.is_file():
        variables["SSL_CERT_FILE"] = str(certificates)
    return variables


def install(command: Sequence[str], files: Sequence[Path]) -> None:
    """Install requirements files, by their lock files where there are any.

    Raises:
        subprocess.CalledProcessError: a library cannot be downloaded, has another hash, or the base has a version that
            does not match.
    """
    environ = os.environ | sources()
    unlocked = [file for file in files if not file.with_suffix(".lock").is_file()]
    if unlocked:
        subprocess.run([*command, *arguments(unlocked)], env=environ, check=True)
    for file in files:
        if file not in unlocked:
            install_locked(command, file, environ)


def constraints(requirements: str, installed: Mapping[str, str]) -> str:
    """The versions of the base image's libraries as a constraints file, without those that `requirements` pins."""
    pins = pinned(requirements)
    return "".join(f"{name}=={version}\n" for name, version in sorted(installed.items()) if name not in pins)


def install_locked(command: Sequence[str], file: Path, environ: Mapping[str, str]) -> None:
    """Install the missing libraries of a requirements file by its lock file."""
    stated, installed = file.read_text("utf-8"), installed_versions()
    base = file.with_name("constraints.txt")
    base.write_text(constraints(stated, installed), "utf-8")
    requirements = missing(stated, file.with_suffix(".lock").read_text("utf-8"), installed)
    if requirements:
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as filtered:
            filtered.write(requirements)
            filtered.flush()
            checked = ["--require-hashes", "--no-deps", *arguments([Path(filtered.name)])]
            subprocess.run([*command, *checked], env=environ, check=True)
    # Downloads nothing; fails if a library of the base image does not meet the requirements of an installed one.
    offline = {name: value for name, value in environ.items() if name not in ("PIP_FIND_LINKS", "UV_FIND_LINKS")}
    offline["PIP_CONFIG_FILE"] = os.devnull
    checked = ["--quiet", "--no-index", "--constraint", str(base), *arguments([file])]
    subprocess.run([*command, *checked], env=offline, check=True)


def arguments(files: Sequence[Path]) -> list[str]:
    """The options -r for requirements files."""
    return [word for file in files for word in ("-r", str(file))]


if __name__ == "__main__":
    try:
        install(installer(), [Path(argument) for argument in sys.argv[1:]])
    except subprocess.CalledProcessError as failed:
        sys.exit(failed.returncode)
