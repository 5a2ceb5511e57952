"""Request bodies to texts.

application/json ({"inputs": ...} as Hugging Face's toolkit takes it, {"instances": [...]} as
SageMaker's built-in algorithms do), application/jsonlines, text/csv, text/plain.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from inference.encoding import Shape
from inference.errors import RequestError, bad_request
from inference.media import CSV, JSON, JSON_LINES, JSON_LINES_NAMES, TEXT, media_type
from inference.parameters import Parameters

# A first csv row with one of these names is a header.
TEXT_COLUMNS = ("text", "inputs", "review_body")


@dataclass(frozen=True)
class Text:
    """One text, or a pair of texts that the model compares."""

    text: str
    pair: str | None = None

    @property
    def plain(self) -> str | dict[str, str]:
        """The text, or the pair as transformers.pipeline takes it."""
        return self.text if self.pair is None else {"text": self.text, "text_pair": self.pair}


@dataclass(frozen=True)
class Request:
    """The records of one request, in order, and what is asked about them."""

    texts: list[Text]
    parameters: Parameters = field(default_factory=Parameters)
    shape: Shape = "list"


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


def check_count(request: Request, most: int) -> None:
    """Raises RequestError: 413 for more than `most` texts, 400 for none."""
    count = len(request.texts)
    if count > most:
        message = f"the request has {count:,} texts, expected at most {most:,}"
        raise RequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
    if not count:
        raise bad_request("the request has no texts, expected at least one")


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
        raise bad_request(f"{where} is not JSON: {error.msg} at character {error.pos}") from None
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


def as_mapping(content: Any) -> dict[str, Any]:
    """What a team's input_fn returned, with its inputs under their name."""
    return content if isinstance(content, dict) and "inputs" in content else {"inputs": content}


def read_content(content: Any) -> Request:
    """The request in parsed JSON, or in what a team's input_fn returned.

    Raises:
        RequestError: 400, it is not of the Hugging Face shape.
    """
    if not isinstance(content, dict) or "text" in content:
        content = as_mapping(content)
    if not {"inputs", "instances"} & content.keys():
        raise bad_request('the body has no inputs, expected {"inputs": "a text"} or {"inputs": ["a text", ...]}')
    parameters = Parameters.read(content.get("parameters"))
    if "instances" in content:
        return Request(read_list(content["instances"], "instances"), parameters, "predictions")
    inputs = content["inputs"]
    if isinstance(inputs, list):
        return Request(read_list(inputs, "inputs"), parameters)
    # A text alone answers with a list of one and a pair alone without, as transformers.pipeline does.
    shape: Shape = "alone" if isinstance(inputs, dict) or parameters.top_k_given else "list"
    return Request([read_text(inputs, "inputs")], parameters, shape)


def read_list(values: Any, name: str) -> list[Text]:
    if not isinstance(values, list):
        raise bad_request(f"{name} is {json_type(values)}, expected a list of texts")
    return [read_text(value, f"{name}[{index}]") for index, value in enumerate(values)]


def read_text(value: Any, name: str) -> Text:
    """A text, {"text", "text_pair"}, or {"inputs": text} (a line of Hugging Face's toolkit)."""
    if isinstance(value, dict) and "text" not in value and isinstance(value.get("inputs"), (str, dict)):
        return read_text(value["inputs"], f"{name}.inputs")
    text, pair = (value.get("text"), value.get("text_pair")) if isinstance(value, dict) else (value, None)
    if not isinstance(text, str) or not isinstance(pair, (str, type(None))):
        raise bad_request(f'{name} is {json_type(value)}, expected a text or {{"text": ..., "text_pair": ...}}')
    return Text(clean(text), None if pair is None else clean(pair))


def clean(text: str) -> str:
    """`text` with lone surrogates, which no encoding has, replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")


def json_type(value: Any) -> str:
    """The JSON name of a value's type, for messages."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def decode_json_lines(text: str) -> Request:
    """One record a line: a text, {"inputs": text}, or {"text", "text_pair"}. Blank lines are no records."""
    lines = [(number, line) for number, line in enumerate(split_lines(text), 1) if line.strip()]
    return Request([read_text(parse_json(line, f"line {number}"), f"line {number}") for number, line in lines])


def decode_csv(text: str) -> Request:
    """One record a row; a header names the text's column where there are several."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise bad_request(f"the body is not CSV: {error}") from None
    column = header_column(rows[0]) if rows else None
    if column is not None:
        return Request([Text(clean(csv_cell(row, column, number))) for number, row in enumerate(rows[1:], 2)])
    return Request([Text(clean(only_cell(row, number))) for number, row in enumerate(rows, 1)])


def header_column(row: list[str]) -> int | None:
    """Position of the text's column, if `row` is a header."""
    names = [name.strip().lower() for name in row]
    return next((names.index(name) for name in TEXT_COLUMNS if name in names), None)


def csv_cell(row: list[str], column: int, number: int) -> str:
    if column >= len(row):
        raise bad_request(f"row {number} has {len(row)} columns, the header has more")
    return row[column]


def only_cell(row: list[str], number: int) -> str:
    if len(row) != 1:
        raise bad_request(
            f"row {number} has {len(row)} columns, expected 1 (quote a text that holds commas), "
            f"or a header with one of {', '.join(TEXT_COLUMNS)}"
        )
    return row[0]


def decode_text(text: str) -> Request:
    """One record a line. Blank lines are no records."""
    return Request([Text(line) for line in split_lines(text) if line.strip()])


def split_lines(text: str) -> list[str]:
    """Lines by LF or CR LF only: str.splitlines would cut inside a text that holds U+2028."""
    return [line.removesuffix("\r") for line in text.split("\n")]
