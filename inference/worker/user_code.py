"""Finds, imports and calls a team's own code/inference.py (model_fn, input_fn, predict_fn, output_fn, transform_fn).

The functions are those of sagemaker-inference: model_fn(model_dir), input_fn(data, content_type),
predict_fn(data, model), output_fn(prediction, accept), or transform_fn(model, data, content_type,
accept) in place of the last three; each may take `context` as a further argument. A function that is
missing is replaced by the image's own implementation. Each may be a coroutine function.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import importlib.util
import inspect
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any

from contract.failures import UserError
from inference.options import CODE_FOLDER
from inference.worker.user_modules import UserModules

DEFAULT_PROGRAM = "inference.py"
# Not `inference`, which is the name of this package.
MODULE_NAME = "model_code"

Function = Callable[..., Any]


@dataclass(frozen=True)
class UserFunctions:
    """The functions that a team's module defines; None for each that it does not."""

    model_fn: Function | None = None
    input_fn: Function | None = None
    predict_fn: Function | None = None
    output_fn: Function | None = None
    transform_fn: Function | None = None

    @classmethod
    def of(cls, module: ModuleType, name: str) -> UserFunctions:
        """The functions of `module`.

        Raises:
            UserError: it has none, or transform_fn together with a function that it replaces.
        """
        functions = cls(**{field.name: getattr(module, field.name, None) for field in fields(cls)})
        if not functions.names:
            raise UserError(f"{name} defines none of {', '.join(field.name for field in fields(cls))}")
        if functions.transform_fn and (functions.input_fn or functions.predict_fn or functions.output_fn):
            raise UserError(f"{name} defines transform_fn and one of input_fn, predict_fn, output_fn; expected either")
        return functions

    def within(self, modules: UserModules) -> UserFunctions:
        """The same functions, which import what `modules` gives them, and whose coroutines are awaited."""
        functions = ((field.name, getattr(self, field.name)) for field in fields(self))
        return UserFunctions(**{name: function and within(function, modules) for name, function in functions})

    @property
    def names(self) -> list[str]:
        """Names of the functions that the module defines."""
        return [field.name for field in fields(self) if getattr(self, field.name)]

    @property
    def batched(self) -> bool:
        """Whether the image runs the forward pass, so that requests can share it."""
        return not (self.model_fn or self.predict_fn or self.transform_fn)


def within(function: Function, modules: UserModules) -> Function:
    """`function` with the same signature, run within `modules`; a coroutine that it returns is awaited."""

    @functools.wraps(function)
    def wrapped(*arguments: Any) -> Any:
        try:
            with modules:
                result = function(*arguments)
                return runner().run(awaited(result)) if inspect.isawaitable(result) else result
        except SystemExit as error:
            # It would end the worker, and with it the requests of others.
            raise RuntimeError(f"{function.__name__} called sys.exit({error.code})") from error

    return wrapped


async def awaited(result: Awaitable[Any]) -> Any:
    """The value of any awaitable, as a coroutine."""
    return await result


@functools.cache
def runner() -> asyncio.Runner:
    """The event loop of all coroutines of a team's code: what model_fn opens on it can be used by the others."""
    one = asyncio.Runner()
    atexit.register(one.close)
    return one


def call(function: Function, context: Any, *arguments: Any) -> Any:
    """Call `function`, with `context` as the last argument if it takes one more than `arguments`."""
    parameters = inspect.signature(function).parameters
    return function(*arguments, context) if len(parameters) == len(arguments) + 1 else function(*arguments)


def load(model_folder: Path, program: str | None) -> UserFunctions:
    """Load the team's functions; all are None if the model folder has no program.

    Raises:
        UserError: SAGEMAKER_PROGRAM names a missing file, or the program fails on import.
    """
    path = find(model_folder, program)
    if path is None:
        return UserFunctions()
    modules = UserModules(path.parent)
    with modules:
        module = import_file(path)
    return UserFunctions.of(module, path.name).within(modules)


def find(model_folder: Path, program: str | None) -> Path | None:
    """Path of the team's program; None if the model folder has none.

    Raises:
        UserError: SAGEMAKER_PROGRAM names a missing file.
    """
    path = model_folder / CODE_FOLDER / (program or DEFAULT_PROGRAM)
    if path.is_file():
        return path
    if program:
        raise UserError(f"SAGEMAKER_PROGRAM is {program!r}, expected a file in the model's {CODE_FOLDER} folder")
    return None


def import_file(path: Path) -> ModuleType:
    """Import the file `path` as the module MODULE_NAME."""
    specification = importlib.util.spec_from_file_location(MODULE_NAME, path)
    if specification is None or specification.loader is None:
        raise UserError(f"{path.name} is not a Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[MODULE_NAME] = module
    try:
        specification.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise UserError(f"{path.name} fails on import: {type(error).__name__}: {error}") from error
    return module
