"""Request bodies to records: JSON, JSON Lines, plain text, charsets; text/csv goes to its own module.

application/json ({"inputs": ...} as Hugging Face's toolkit takes it, {"instances": [...]} as
SageMaker's built-in algorithms do), application/jsonlines, text/csv, text/plain.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from inference.content_types import CSV, JSON, JSON_LINES, JSON_LINES_NAMES, TEXT, media_type
from inference.errors import RequestError, bad_request
from inference.worker.csv_requests import decode_csv
from inference.worker.parameters import Parameters
from inference.worker.request import Request, Text, json_type, read_content, read_text


def decode(body: bytes, content_type: str | None) -> Request:
    """The request in `body`. No content type means JSON.

    Raises:
        RequestError: 415 for a type that is not read, 400 for a body that is not of its type.
    """
    return decoder(media_type(content_type) or JSON)(as_text(body))


def decode_content(body: bytes, content_type: str | None) -> Any:
    """The request as Hugging Face's toolkit hands it to a team's predict_fn: {"inputs": ..., ...}."""
    if (media_type(content_type) or JSON) == JSON:
        return parse_json(as_text(body), "the body")
    return {"inputs": [text.plain for text in decode(body, content_type).texts]}


def decoder(kind: str) -> Any:
    """The function that reads bodies of the media type `kind`."""
    if kind == JSON:
        return decode_json
    if kind in JSON_LINES_NAMES:
        return decode_json_lines
    if kind == CSV:
        return decode_csv
    if kind == TEXT:
        return decode_text
    raise RequestError(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        f"the content type is not read, expected one of {JSON}, {JSON_LINES}, {CSV}, {TEXT}",
    )


def as_text(body: bytes) -> str:
    """`body` as UTF-8 text, without a byte order mark."""
    try:
        return bytes(body).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise bad_request(f"the body is not UTF-8 text: {error.reason} at byte {error.start}") from None


def parse_json(text: str, where: str) -> Any:
    """The JSON value in `text`; NaN and Infinity, which JSON lacks, are refused."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        hint = f"; several values are {JSON_LINES}" if error.msg == "Extra data" else ""
        raise bad_request(f"{where} is not JSON: {error.msg} at character {error.pos}{hint}") from None
    except (ValueError, RecursionError):
        raise bad_request(f"{where} is not JSON that can be read") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def decode_json(text: str) -> Request:
    """{"inputs": text or [texts], "parameters": {...}} or {"instances": [texts]}."""
    content = parse_json(text, "the body")
    if not isinstance(content, dict):
        raise bad_request(f"the body is {json_type(content)}, expected an object with inputs")
    return read_content(content)


def decode_json_lines(text: str) -> Request:
    """One record a line: a text, {"inputs": text}, or {"text", "text_pair"}. Blank lines are no records.

    `parameters` may stand on the lines too; what is asked about a request is one thing, so all must agree.
    """
    lines = {f"line {number}": line for number, line in enumerate(split_lines(text), 1) if line.strip()}
    values = {name: parse_json(line, name) for name, line in lines.items()}
    asked = {name: value.get("parameters") if isinstance(value, dict) else None for name, value in values.items()}
    first = next(iter(asked.values()), None)
    for name, parameters in asked.items():
        if parameters != first:
            raise bad_request(f"{name} has other parameters than the first; expected the same on all lines")
    return Request([read_text(value, name) for name, value in values.items()], Parameters.read(first))


def decode_text(text: str) -> Request:
    """One record a line. Blank lines are no records."""
    return Request([Text(line) for line in split_lines(text) if line.strip()])


def split_lines(text: str) -> list[str]:
    """Lines by LF or CR LF only: str.splitlines would cut inside a text that holds U+2028."""
    return [line.removesuffix("\r") for line in text.split("\n")]
