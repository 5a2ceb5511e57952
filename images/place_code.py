"""Copies packages into an image during its build, so that the same code gives the same layer.

usage: place_code.py ROOT FOLDER PACKAGE...    It runs in the base image, without other files of this repository.

Owner, modes and times of all that it writes are fixed: a clone has those of its user, and of the time when it was made.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

# 1980-01-01, the first moment that zip files can express, so that tools which pack the code again can too.
TIME = 315_532_800
FOLDER_MODE, FILE_MODE = 0o755, 0o644
SKIPPED = shutil.ignore_patterns("__pycache__")


def place(root: Path, target: Path, packages: Iterable[Path]) -> None:
    """Copy each folder of `packages` into the folder `target` below `root`, which is empty."""
    for package in packages:
        shutil.copytree(package, root / target / package.name, ignore=SKIPPED, copy_function=shutil.copyfile)
    # What lies in a folder first: writing there changes the folder's time.
    for path in sorted((root, *root.rglob("*")), reverse=True):
        os.chown(path, 0, 0)
        path.chmod(FOLDER_MODE if path.is_dir() else FILE_MODE)
        os.utime(path, (TIME, TIME))


if __name__ == "__main__":
    place(Path(sys.argv[1]), Path(sys.argv[2]), [Path(argument) for argument in sys.argv[3:]])
