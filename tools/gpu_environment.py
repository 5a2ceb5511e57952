"""Makes an environment on a bare GPU machine: its own Python and libraries, and from the kits what is missing.

    python3 tools/gpu_environment.py KIT ENVIRONMENT

KIT is one of the folders that tools/gpu_kit.py wrote; others may follow. Writes the virtual environment
ENVIRONMENT, with the model in ENVIRONMENT/model and the reviews beside it. Needs the standard library and pip alone, no
network.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from pathlib import Path

# sagemaker-inference imports pkg_resources, which later versions lack.
NEWEST = {"setuptools": 80}
LIST = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"


def normalized(name: str) -> str:
    """The name of a library as wheels and metadata have it in common."""
    return name.lower().replace("-", "_").replace(".", "_")


def create(folder: Path) -> Path:
    """A virtual environment that also has the libraries of the running Python. Returns its interpreter.

    The running Python may be of a virtual environment itself, which --system-site-packages would pass over.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    [site] = folder.glob("lib/python*/site-packages")
    shared = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (site / "machine.pth").write_text("\n".join(shared) + "\n", encoding="utf-8")
    return folder / "bin" / "python"


def missing(wheels: list[Path], installed: dict[str, str]) -> list[Path]:
    """Those of `wheels` whose library is not `installed`, or too new."""
    found = {normalized(name): number for name, number in installed.items()}
    return [wheel for wheel in wheels if not suits(normalized(wheel.name.split("-")[0]), found)]


def suits(name: str, installed: dict[str, str]) -> bool:
    """Whether the library `name` is installed, in a version that serves."""
    number = installed.get(name)
    return number is not None and (name not in NEWEST or int(number.split(".")[0]) <= NEWEST[name])


def unpack(kit: Path, folder: Path) -> None:
    """Unpack the archives of a kit and copy the reviews."""
    for archive in kit.rglob("*.tar.xz"):
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
    for reviews in kit.rglob("reviews.tsv.gz"):
        (folder / reviews.name).write_bytes(reviews.read_bytes())


def main() -> None:
    """Make the environment and print what was installed."""
    kit, folder = map(Path, sys.argv[1:])
    interpreter = create(folder)
    listing = subprocess.run([interpreter, "-c", LIST], capture_output=True, check=True).stdout
    wheels = missing(sorted(kit.rglob("*.whl")), json.loads(listing))
    options = ["--no-index", "--no-deps", "--no-compile", "--no-cache-dir", "--disable-pip-version-check", "--quiet"]
    pip = [sys.executable, "-m", "pip", "--python", str(interpreter), "install", *options, "--ignore-installed"]
    if wheels:
        subprocess.run([*pip, *map(str, wheels)], check=True)
    unpack(kit, folder)
    sys.stdout.write(f"{folder}: installed {', '.join(wheel.name.split('-')[0] for wheel in wheels) or 'nothing'}\n")


if __name__ == "__main__":
    main()
