"""Decodes request bodies by content type: JSON, JSON Lines, plain text, UTF-8; text/csv is in csv_requests.py.

application/json is {"inputs": ...}, as in the Hugging Face inference toolkit, or {"instances": [...]},
as in SageMaker's built-in algorithms.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from inference.content_types import CSV, JSON, JSON_LINES, JSON_LINES_NAMES, TEXT, media_type
from inference.errors import RequestError, bad_request
from inference.worker.csv_requests import decode_csv
from inference.worker.parameters import Parameters
from inference.worker.request import Request, Text, json_type, read_content, read_record


def decode(body: bytes, content_type: str | None) -> Request:
    """Decode a request body; no content type means JSON.

    Raises:
        RequestError: 415 for an unsupported content type, 400 for a body that is not of its content type.
    """
    return decoder(media_type(content_type) or JSON)(as_text(body))


def decode_content(body: bytes, content_type: str | None) -> Any:
    """The input of a team's predict_fn, as in the Hugging Face inference toolkit: {"inputs": ..., ...}."""
    if (media_type(content_type) or JSON) == JSON:
        return parse_json(as_text(body), "the body")
    return {"inputs": [text.plain for text in decode(body, content_type).texts]}


def decoder(kind: str) -> Any:
    """The function that decodes bodies of the media type `kind`.

    Raises:
        RequestError: 415, the type is not supported.
    """
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
        f"the content type is not supported, expected one of {JSON}, {JSON_LINES}, {CSV}, {TEXT}",
    )


def as_text(body: bytes) -> str:
    """Decode `body` as UTF-8, without a byte order mark.

    Raises:
        RequestError: 400, it is not UTF-8.
    """
    try:
        return bytes(body).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise bad_request(f"the body is not UTF-8 text: {error.reason} at byte {error.start}") from None


def parse_json(text: str, where: str) -> Any:
    """Parse JSON; NaN and Infinity, which are not JSON, are refused.

    Args:
        where: name of the text for the error, such as "the body".

    Raises:
        RequestError: 400, `text` is not JSON.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        hint = f"; for several values use {JSON_LINES}" if error.msg == "Extra data" else ""
        raise bad_request(f"{where} is not JSON: {error.msg} at character {error.pos}{hint}") from None
    except (ValueError, RecursionError):
        raise bad_request(f"{where} is not JSON that can be parsed") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def decode_json(text: str) -> Request:
    """Decode {"inputs": text or [texts], "parameters": {...}} or {"instances": [texts]}."""
    content = parse_json(text, "the body")
    if not isinstance(content, dict):
        raise bad_request(f"the body is {json_type(content)}, expected an object with inputs")
    return read_content(content)


def decode_json_lines(text: str) -> Request:
    """Decode one record per line: a text, {"inputs": text}, {"text", "text_pair"}, or a list of one or two texts.

    Blank lines are skipped.

    Lines may have `parameters`; they hold for the whole request, so they must be the same on all lines.
    """
    lines = {f"line {number}": line for number, line in enumerate(split_lines(text), 1) if line.strip()}
    values = {name: parse_json(line, name) for name, line in lines.items()}
    parameters = {name: value.get("parameters") if isinstance(value, dict) else None for name, value in values.items()}
    first = next(iter(parameters.values()), None)
    for name, value in parameters.items():
        if value != first:
            raise bad_request(f"{name} has other parameters than the first line; expected the same on all lines")
    return Request([read_record(value, name) for name, value in values.items()], Parameters.read(first))


def decode_text(text: str) -> Request:
    """Decode one text per line. Blank lines are skipped."""
    return Request([Text(line) for line in split_lines(text) if line.strip()])


def split_lines(text: str) -> list[str]:
    """Split at LF or CR LF only: str.splitlines would split a text that contains U+2028."""
    return [line.removesuffix("\r") for line in text.split("\n")]
