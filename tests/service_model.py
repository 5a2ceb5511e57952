"""Validates requests to SageMaker by the service description in botocore."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import botocore.session
import regex
from botocore.validate import ParamValidator


def errors_of(operation: str, request: dict[str, Any]) -> list[str]:
    """Errors of a `request` for an `operation` such as CreateTrainingJob; empty if it is valid.

    botocore's validator checks missing and unknown fields, types and minimum values. This adds the
    maximum lengths and values, patterns and enumerations of the service description.
    """
    shape = botocore.session.get_session().get_service_model("sagemaker").operation_model(operation).input_shape
    found = ParamValidator().validate(request, shape)
    if found.has_errors():
        return found.generate_report().splitlines()
    return list(beyond(shape, request, ""))


def beyond(shape: Any, value: Any, where: str) -> Iterator[str]:
    """Errors that botocore does not check for, in `value` and everything in it."""
    yield from constraints(shape, value, where)
    if shape.type_name == "structure":
        for name, inner in value.items():
            yield from beyond(shape.members[name], inner, f"{where}.{name}")
    elif shape.type_name == "list":
        for number, inner in enumerate(value):
            yield from beyond(shape.member, inner, f"{where}[{number}]")
    elif shape.type_name == "map":
        for key, inner in value.items():
            yield from beyond(shape.key, key, f"{where} key")
            yield from beyond(shape.value, inner, f"{where}.{key}")


def constraints(shape: Any, value: Any, where: str) -> Iterator[str]:
    said = shape.metadata
    if "enum" in said and value not in said["enum"]:
        yield f"{where} is {value!r}, expected one of {said['enum']}"
    if "max" in said and (len(value) if hasattr(value, "__len__") else value) > said["max"]:
        yield f"{where} is {value!r}, expected at most {said['max']}"
    if "pattern" in said and not regex.fullmatch(said["pattern"], value):
        yield f"{where} is {value!r}, expected {said['pattern']}"
