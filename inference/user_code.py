"""A team's own code/inference.py in the model folder."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from contract.failures import UserError

CODE_FOLDER = "code"
DEFAULT_PROGRAM = "inference.py"
# Not `inference`: that is this package's name, and the team's module must not take it.
MODULE_NAME = "model_code"
FUNCTIONS = ("model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn")


def find(model_folder: Path, program: str | None) -> Path | None:
    """The team's program, or None where the model folder has none.

    Raises:
        UserError: SAGEMAKER_PROGRAM names a file that is not there.
    """
    path = model_folder / CODE_FOLDER / (program or DEFAULT_PROGRAM)
    if path.is_file():
        return path
    if program:
        raise UserError(f"SAGEMAKER_PROGRAM is {program!r}, expected a file in the model's {CODE_FOLDER} folder")
    return None


def load(path: Path) -> ModuleType:
    """Import the program by its location; its folder is on sys.path for its own imports.

    Raises:
        UserError: it fails on import, or defines none of the functions.
    """
    specification = importlib.util.spec_from_file_location(MODULE_NAME, path)
    if specification is None or specification.loader is None:
        raise UserError(f"{path.name} is not a Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[MODULE_NAME] = module
    sys.path.append(str(path.parent))
    try:
        specification.loader.exec_module(module)
    except Exception as error:
        raise UserError(f"{path.name} fails on import: {type(error).__name__}: {error}") from error
    if not any(hasattr(module, name) for name in FUNCTIONS):
        raise UserError(f"{path.name} defines none of {', '.join(FUNCTIONS)}")
    return module
