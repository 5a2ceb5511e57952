"""Converts text or JSON values to the types of options (bool, int, float, list or tuple, mapping, choice).

SageMaker passes hyperparameters as text, which the SDK's framework classes also quote as JSON; true, none, lists and
mappings may be in Python's or in JSON's notation. Values are never evaluated as code or passed to a shell.
"""

from __future__ import annotations

import ast
import json
import types
import warnings
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from contract.failures import UserError

TRUE = frozenset({"true", "1", "yes", "on"})
FALSE = frozenset({"false", "0", "no", "off"})
NONE = frozenset({"none", "null", ""})
# Most characters of a value in a message.
LONGEST_SHOWN = 100


def convert(value: Any, kind: Any, name: str) -> Any:
    """Convert `value` to the type annotation `kind`.

    `kind` may be bool, int, float, str, Path, Literal, Optional and unions of these, `tuple[T, ...]`
    and `list[T]` (JSON, or separated by commas), and `dict` (JSON).

    Raises:
        UserError: `value` is not of this type; names the option by `name`, the value and the expected type.
    """
    text = unquote(value)
    try:
        return _convert(text, kind)
    except (ValueError, TypeError, OverflowError):
        raise UserError(f"{name} is {shown(value)}, expected {describe(kind)}") from None


def shown(value: Any) -> str:
    """A value in a message: of a long one the start."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


def unquote(value: Any) -> Any:
    """Remove JSON quotes around a text; other values are returned unchanged."""
    if isinstance(value, str) and len(value) >= 2 and value[0] == value[-1] == '"':
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _convert(value: Any, kind: Any) -> Any:
    origin = get_origin(kind)
    if kind is Any:
        return value
    if origin in (Union, types.UnionType):
        return _convert_union(value, get_args(kind))
    if origin is Literal:
        return _convert_choice(value, get_args(kind))
    if origin in (tuple, list):
        return origin(_convert(part, (get_args(kind) or (Any,))[0]) for part in _parts(value))
    if kind is dict or origin is dict:
        return _mapping(value)
    if kind is bool:
        return _convert_bool(value)
    if kind is int:
        return _convert_int(value)
    if kind is Path and value == "":
        raise ValueError("empty path")
    return kind(value)


def _convert_union(value: Any, kinds: tuple[Any, ...]) -> Any:
    if type(None) in kinds and _means_none(value, kinds):
        return None
    # str is tried last, since every value can be converted to it.
    for kind in sorted((k for k in kinds if k is not type(None)), key=lambda k: k is str):
        try:
            return _convert(value, kind)
        except (ValueError, TypeError, OverflowError):
            continue
    raise ValueError(value)


def _means_none(value: Any, kinds: tuple[Any, ...]) -> bool:
    # An empty string is a valid text, but means None for other types.
    if value == "" and str in kinds:
        return False
    return value is None or (isinstance(value, str) and value.lower() in NONE)


def _convert_choice(value: Any, choices: tuple[Any, ...]) -> Any:
    for choice in choices:
        if str(value) == str(choice):
            return choice
    raise ValueError(value)


def _convert_bool(value: Any) -> bool:
    text = str(value).lower()
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    raise ValueError(value)


def _convert_int(value: Any) -> int:
    if isinstance(value, bool):
        raise ValueError(value)
    number = float(value)
    # Some launchers write integers as 1e3 or 16.0; 16.5 is an error.
    if number != int(number):
        raise ValueError(value)
    return int(value) if isinstance(value, str) and value.strip().lstrip("+-").isdigit() else int(number)


def _parts(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return list(value)
    text = str(value).strip()
    if text.startswith("["):
        parts = _literal(text)
        if isinstance(parts, list):
            return parts
        raise ValueError(value)
    return [part.strip() for part in text.split(",") if part.strip()]


def _literal(text: str) -> Any:
    """A list or mapping in JSON's notation, or in Python's, which is what str() makes of one in an SDK."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        with warnings.catch_warnings(action="ignore"):
            # Literals alone: it calls nothing, and knows no names.
            return ast.literal_eval(text.strip())
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(text) from error


def _mapping(value: Any) -> dict[str, Any]:
    parsed = _literal(value) if isinstance(value, str) else value
    if not isinstance(parsed, dict):
        raise ValueError(value)
    return parsed


def describe(kind: Any) -> str:
    """The type annotation `kind` in words, for errors, --help and the tables of docs/contract.md."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        words = [describe(k) for k in get_args(kind) if k is not type(None)]
        return " or ".join([*words, "none"] if type(None) in get_args(kind) else words)
    if origin is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    if origin in (tuple, list):
        return "a list (JSON, or separated by commas)"
    if kind is dict or origin is dict:
        return "a JSON object"
    return {bool: "true or false", int: "a whole number", float: "a number", str: "text", Path: "a path"}.get(
        kind, str(kind)
    )
