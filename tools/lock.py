"""Generates the lock files: every library that requirements files need, in one version, with hashes of its files.

    python -m tools.lock              adds and removes libraries by the requirements files, and keeps other versions
    python -m tools.lock --upgrade    upgrades all libraries to the newest versions that the requirements allow

It uses uv rather than pip-tools: one lock holds for Python 3.11 and 3.12, while pip-compile resolves for the Python it
runs on; and uv reads torch's dependencies from pyproject.toml, so that the lock does not depend on whether this
machine has a CPU or a CUDA build.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from contract.files import write_text

ROOT = Path(__file__).parents[1]
PYTHON = "3.11"  # the oldest supported version; a lock holds for this and later ones
# torch: CPU and CUDA builds of one version have different files and dependencies, and a machine may have another build.
# pip: every environment has it already.
UNLOCKED = ("torch", "pip")
# Each requirements file of an image has its lock next to it; the runtime is all of them and the libraries of the bases.
IMAGES = ("processing", "training", "inference")
RUNTIME = (
    "images/standin/libraries-training.txt",
    "images/standin/toolkit-training.txt",
    "images/standin/toolkit-inference.txt",
    *(f"images/{name}/requirements.txt" for name in IMAGES),
    "images/requirements.txt",
)


@dataclass(frozen=True)
class Lock:
    """A lock file.

    Attributes:
        file: path of the lock file.
        sources: requirements files that it is generated from.
        within: another lock file, whose versions are used; None for none.
        dependencies: whether dependencies of the requirements are locked too; False if the requirements list them.
    """

    file: str
    sources: tuple[str, ...]
    within: str | None = None
    dependencies: bool = True

    def header(self) -> str:
        """The comment at the top of the file."""
        return (
            "# Libraries with the SHA-256 of their files, by `make lock`. Not to be edited.\n"
            f"# From: {', '.join(self.sources)}.\n"
            f"# Without {', '.join(UNLOCKED)}: see tools/lock.py. The tools that build sources are in no lock.\n"
        )

    def command(self, output: Path, uv: str, upgrade: bool) -> list[str]:
        """The command line of uv that writes `output`."""
        options = ["--universal", "--python-version", PYTHON, "--generate-hashes", "--no-header", "--quiet"]
        options += [f"--no-emit-package={name}" for name in UNLOCKED]
        options += ["--constraints", self.within] if self.within else []
        options += [] if self.dependencies else ["--no-deps"]
        options += ["--upgrade"] if upgrade else []
        return [uv, "pip", "compile", *options, "--output-file", str(output), *self.sources]


# The first has all libraries of the tests; the others use its versions, so that images have the tested ones.
DEVELOPMENT = Lock("tests/requirements.lock", (*RUNTIME, "tests/requirements.txt"))
LOCKS = (
    DEVELOPMENT,
    Lock("examples/demo/requirements.lock", RUNTIME, DEVELOPMENT.file),
    *(
        Lock(f"images/{name}/requirements.lock", (f"images/{name}/requirements.txt",), DEVELOPMENT.file)
        for name in IMAGES
    ),
    Lock("images/requirements.lock", ("images/requirements.txt",), DEVELOPMENT.file),
    Lock("tests/requirements-sdk3.lock", ("tests/requirements-sdk3.txt",), dependencies=False),
    Lock("docs/requirements.lock", ("docs/requirements.txt",)),
)


def write(lock: Lock, upgrade: bool) -> None:
    """Generate `lock` by uv, starting from its current versions.

    Raises:
        subprocess.CalledProcessError: the requirements conflict, or the package index cannot be reached.
    """
    file, output = ROOT / lock.file, (ROOT / lock.file).with_suffix(".new")
    if file.is_file():
        output.write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    # The package index of this machine is used, but not written to the lock.
    environ = os.environ | {"UV_CUSTOM_COMPILE_COMMAND": "make lock"}
    try:
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run(lock.command(output, uv, upgrade), cwd=ROOT, env=environ, check=True, stdout=subprocess.DEVNULL)
        write_text(file, lock.header() + output.read_text(encoding="utf-8"))
    finally:
        output.unlink(missing_ok=True)


def main(arguments: Sequence[str]) -> int:
    """Generate all lock files; returns the exit status."""
    if not set(arguments) <= {"--upgrade"}:
        print(__doc__, file=sys.stderr)
        return 2
    for lock in LOCKS:
        write(lock, upgrade="--upgrade" in arguments)
        print(lock.file)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
