"""Request bodies to texts, answers to response bodies.

In: application/json ({"inputs": ...} as Hugging Face's toolkit takes it, {"instances": [...]} as
SageMaker's built-in algorithms do), application/jsonlines, text/csv, text/plain. Out, by Accept:
application/json, application/jsonlines, text/csv. In the line formats line i of the answer
belongs to record i of the request, and no line ends the body, since batch transform adds it.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

from sagemaker_inference import content_types

from inference.errors import RequestError, bad_request
from inference.parameters import Parameters

JSON = content_types.JSON
CSV = content_types.CSV
JSON_LINES = "application/jsonlines"
TEXT = "text/plain"
JSON_LINES_NAMES = (JSON_LINES, "application/x-jsonlines", "application/jsonl", "application/x-ndjson")
OUTPUTS = (JSON, JSON_LINES, CSV)

# A first csv row with one of these names is a header.
TEXT_COLUMNS = ("text", "inputs", "review_body")

# How the answers are laid out: one answer by itself, in a list, or under "predictions".
Shape = Literal["alone", "list", "predictions"]
Score = dict[str, Any]
Answer = list[Score] | Score


@dataclass(frozen=True)
class Text:
    """One text, or a pair of texts that the model compares."""

    text: str
    pair: str | None = None


@dataclass(frozen=True)
class Request:
    """The records of one request, in order, and what is asked about them."""

    texts: list[Text]
    parameters: Parameters = field(default_factory=Parameters)
    shape: Shape = "list"


def media_type(header: str | None) -> str:
    """`text/csv` for `Text/CSV; charset=utf-8`; empty for None."""
    return (header or "").partition(";")[0].strip().lower()


def decode(body: bytes, content_type: str | None, max_records: int) -> Request:
    """The request in `body`. No content type means JSON.

    Raises:
        RequestError: 415 for a type that is not read, 400 for a body that is not of its type,
            413 for more than `max_records` texts.
    """
    request = decoder(media_type(content_type) or JSON)(as_text(body))
    if len(request.texts) > max_records:
        raise RequestError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the request has {len(request.texts):,} texts, expected at most {max_records:,}",
        )
    if not request.texts:
        raise bad_request("the request has no texts, expected at least one")
    return request


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
    if not isinstance(content, dict) or not {"inputs", "instances"} & content.keys():
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
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
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
    return Request([Text(line) for line in text.splitlines() if line.strip()])


def choose_output(accept: str | None, default: str) -> str:
    """The first content type in the Accept header that can be written; `default` where any will do.

    Raises:
        RequestError: 406, there is none.
    """
    wanted = [media_type(part) for part in (accept or "*/*").split(",")]
    for kind in wanted:
        if kind in ("*/*", ""):
            return default
        if kind in JSON_LINES_NAMES:
            return JSON_LINES
        if kind in OUTPUTS:
            return kind
        if kind in ("application/*", "text/*"):
            return JSON if kind == "application/*" else CSV
    raise RequestError(
        HTTPStatus.NOT_ACCEPTABLE, f"no accepted content type is written, expected one of {', '.join(OUTPUTS)}"
    )


def encode(answers: list[Answer], shape: Shape, output: str) -> str:
    """The response body: all answers in the request's shape as JSON, or one a line."""
    if output == CSV:
        return "\n".join(csv_line(answer) for answer in answers)
    if output == JSON_LINES:
        return "\n".join(json.dumps(answer, ensure_ascii=False) for answer in answers)
    content: Any = {"predictions": answers} if shape == "predictions" else answers
    return json.dumps(answers[0] if shape == "alone" else content, ensure_ascii=False)


def csv_line(answer: Answer) -> str:
    """label,score, repeated where more than one label was asked for."""
    scores = [answer] if isinstance(answer, dict) else answer
    target = io.StringIO()
    csv.writer(target, lineterminator="").writerow([part for score in scores for part in score.values()])
    return target.getvalue()
