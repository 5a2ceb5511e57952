"""Writes a wheel with one module, without a build and without network."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile


def write_wheel(folder: Path, name: str, needs: str = "") -> Path:
    """Write `name` 1.0 into `folder`; it holds `name`.py and requires `needs`."""
    folder.mkdir(parents=True, exist_ok=True)
    requires = f"Requires-Dist: {needs}\n" if needs else ""
    about = f"{name}-1.0.dist-info"
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with ZipFile(path, "w") as file:
        file.writestr(f"{name}.py", "ANSWER = 42\n")
        file.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}")
        file.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{about}/RECORD", "")
    return path
