"""Copies packages into an image during its build, with bytecode, so that the same code gives the same layer.

usage: place_code.py ROOT FOLDER PACKAGE...    It runs in the base image, without other files of this repository.

Owner, modes and times of all that it writes are fixed: a clone has those of its user, and of the time when it was made.
"""

from __future__ import annotations

import compileall
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from py_compile import PycInvalidationMode

# 1980-01-01, the first moment that zip files can express, so that tools which pack the code again can too.
TIME = 315_532_800
FOLDER_MODE, FILE_MODE = 0o755, 0o644
SKIPPED = shutil.ignore_patterns("__pycache__")


def place(root: Path, target: Path, packages: Iterable[Path]) -> None:
    """Copy each folder of `packages` into the folder `target` below `root`, which is empty, and compile its modules.

    Raises:
        SyntaxError: a module cannot be compiled.
    """
    for package in packages:
        shutil.copytree(package, root / target / package.name, ignore=SKIPPED, copy_function=shutil.copyfile)
    compile_modules(root, root / target)
    # What lies in a folder first: writing there changes the folder's time.
    for path in sorted((root, *root.rglob("*")), reverse=True):
        os.chown(path, 0, 0)
        path.chmod(FOLDER_MODE if path.is_dir() else FILE_MODE)
        os.utime(path, (TIME, TIME))


def compile_modules(root: Path, folder: Path) -> None:
    """Compile the modules in `folder`, whose paths below `root` are those in the image.

    No container writes bytecode that the next one could use, so each would compile all modules when it starts. The
    bytecode has the hash of its source, not the time, and is not used for a source that was changed.
    """
    mode = PycInvalidationMode.CHECKED_HASH
    if not compileall.compile_dir(folder, quiet=1, stripdir=str(root), prependdir="/", invalidation_mode=mode):
        raise SyntaxError(f"a module in {folder} cannot be compiled")


if __name__ == "__main__":
    place(Path(sys.argv[1]), Path(sys.argv[2]), [Path(argument) for argument in sys.argv[3:]])
