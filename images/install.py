"""Installs requirements files into the environment of `python`, inside a build.

usage: install.py FILE.txt...    It runs in the base, with nothing else of this repository.

Where FILE.lock lies beside FILE.txt, each library comes in the lock's version and is checked by its SHA-256; what
the base has already stays as it is, unless FILE.txt pins another version. Newer bases manage their environment with
uv and have no pip. A private index, a certificate or a folder of wheels arrive as a pip.conf that is mounted for this
step and leaves no trace.
"""

from __future__ import annotations

import configparser
import importlib.util
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
    """The name of a distribution as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def entries(lock: str) -> Iterator[tuple[str, str]]:
    """Name and text of each entry of a lock file, with the lines of hashes that follow it."""
    for text in re.split(r"^(?=[\w])", lock, flags=re.MULTILINE):
        if found := ENTRY.match(text):
            yield canonical(found[1]), text


def pinned(requirements: str) -> dict[str, str]:
    """The versions that a requirements file states exactly, by canonical name."""
    found = (ENTRY.match(line) for line in requirements.splitlines())
    return {canonical(match[1]): match[2] for match in found if match}


def missing(requirements: str, lock: str, installed: Mapping[str, str]) -> str:
    """The entries of `lock` whose library is not installed, or in another version than `requirements` pins."""
    wanted = pinned(requirements)

    def needed(name: str) -> bool:
        return name not in installed or wanted.get(name, installed[name]) != installed[name]

    return "".join(text for name, text in entries(lock) if needed(name))


def installed_versions() -> dict[str, str]:
    """The version of each distribution of this environment, by canonical name."""
    return {canonical(found.metadata["Name"]): found.version for found in metadata.distributions()}


def installer() -> list[str]:
    """The command that installs into this environment: pip's, or uv's where there is no pip."""
    if importlib.util.find_spec("pip"):
        pip = [sys.executable, "-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check"]
        return [*pip, "--root-user-action=ignore"]
    return ["uv", "pip", "install", "--no-cache", "--python", sys.executable]


def sources(conf: Path = PIP_CONF, certificates: Path = CERTIFICATES, wheels: Path = WHEELS) -> dict[str, str]:
    """Variables that tell pip and uv where libraries come from. uv does not read pip.conf."""
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
    """Install `files`, those with a lock by the lock.

    Raises:
        subprocess.CalledProcessError: a library is not to be had, has another hash, or the base's version does not fit.
    """
    environ = os.environ | sources()
    unlocked = [file for file in files if not file.with_suffix(".lock").is_file()]
    if unlocked:
        subprocess.run([*command, *arguments(unlocked)], env=environ, check=True)
    for file in files:
        if file not in unlocked:
            install_locked(command, file, environ)


def install_locked(command: Sequence[str], file: Path, environ: Mapping[str, str]) -> None:
    wanted = missing(file.read_text("utf-8"), file.with_suffix(".lock").read_text("utf-8"), installed_versions())
    if wanted:
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as filtered:
            filtered.write(wanted)
            filtered.flush()
            checked = ["--require-hashes", "--no-deps", *arguments([Path(filtered.name)])]
            subprocess.run([*command, *checked], env=environ, check=True)
    # Downloads nothing: fails where a library that stayed is too old for what was installed.
    offline = {name: value for name, value in environ.items() if name not in ("PIP_FIND_LINKS", "UV_FIND_LINKS")}
    offline["PIP_CONFIG_FILE"] = os.devnull
    subprocess.run([*command, "--quiet", "--no-index", *arguments([file])], env=offline, check=True)


def arguments(files: Sequence[Path]) -> list[str]:
    return [word for file in files for word in ("-r", str(file))]


if __name__ == "__main__":
    try:
        install(installer(), [Path(argument) for argument in sys.argv[1:]])
    except subprocess.CalledProcessError as failed:
        sys.exit(failed.returncode)
