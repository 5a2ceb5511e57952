"""A decoded request: texts or text pairs with parameters, from Hugging Face's JSON format; limit of records."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from inference.errors import RequestError, bad_request
from inference.worker.parameters import Parameters, check_place, with_tei_fields
from inference.worker.responses import Shape


@dataclass(frozen=True)
class Text:
    """One text, or a pair of texts that the model classifies together."""

    text: str
    pair: str | None = None

    @property
    def plain(self) -> str | dict[str, str]:
        """The text, or the pair as transformers.pipeline accepts it."""
        return self.text if self.pair is None else {"text": self.text, "text_pair": self.pair}


@dataclass(frozen=True)
class Request:
    """The records of one request, in order, its parameters, and the shape of the response."""

    texts: list[Text]
    parameters: Parameters = field(default_factory=Parameters)
    shape: Shape = "list"


def check_count(request: Request, most: int) -> None:
    """Check the number of texts of a request.

    Raises:
        RequestError: 413 for more than `most` texts, 400 for none.
    """
    count = len(request.texts)
    if count > most:
        message = f"the request has {count:,} texts, expected at most {most:,}"
        raise RequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
    if not count:
        raise bad_request("the request has no texts, expected at least one")


def as_mapping(content: Any) -> dict[str, Any]:
    """The return value of a team's input_fn as a mapping with the key "inputs"."""
    return content if isinstance(content, dict) and "inputs" in content else {"inputs": content}


def read_content(content: Any) -> Request:
    """The request in parsed JSON, or in the return value of a team's input_fn.

    Raises:
        RequestError: 400, it is not in Hugging Face's format.
    """
    if not isinstance(content, dict) or "text" in content:
        content = as_mapping(content)
    if not {"inputs", "instances"} & content.keys():
        raise bad_request('the body has no inputs, expected {"inputs": "a text"} or {"inputs": ["a text", ...]}')
    if {"inputs", "instances"} <= content.keys():
        raise bad_request("the body has inputs and instances, expected one of them")
    check_place(content)
    parameters = Parameters.read(with_tei_fields(content))
    if "instances" in content:
        return Request(read_list(content["instances"], "instances"), parameters, "predictions")
    inputs = content["inputs"]
    if isinstance(inputs, list):
        return Request(read_list(inputs, "inputs"), parameters)
    # A single text gets a list of one prediction, and a single pair the prediction alone, as in transformers.pipeline.
    shape: Shape = "alone" if isinstance(inputs, dict) or parameters.top_k_given else "list"
    return Request([read_text(inputs, "inputs")], parameters, shape)


def read_list(values: Any, name: str) -> list[Text]:
    """The records in a list; `name` is that of the list, for errors."""
    if not isinstance(values, list):
        raise bad_request(f"{name} is {json_type(values)}, expected a list of texts")
    return [read_record(value, f"{name}[{index}]") for index, value in enumerate(values)]


def read_record(value: Any, name: str) -> Text:
    """One record of a list or of JSON Lines, as read_texts or read_text has it."""
    inner = value["inputs"] if isinstance(value, dict) and "text" not in value and "inputs" in value else value
    return read_texts(inner, name) if isinstance(inner, list) else read_text(value, name)


def read_texts(values: list[Any], name: str) -> Text:
    """A record as TEI has it: a list of one text, or of the two texts of a pair.

    Raises:
        RequestError: 400, `values` is something else; names it by `name`.
    """
    if len(values) not in (1, 2) or not all(isinstance(value, str) for value in values):
        raise bad_request(f"{name} is a list, expected one of one or two texts")
    return Text(*map(clean, values))


def read_text(value: Any, name: str) -> Text:
    """One record: a text, {"text", "text_pair"}, or {"inputs": text} (Hugging Face toolkit's JSON Lines).

    Raises:
        RequestError: 400, `value` is something else; names it by `name`.
    """
    if isinstance(value, dict) and "text" not in value and isinstance(value.get("inputs"), (str, dict)):
        return read_text(value["inputs"], f"{name}.inputs")
    text, pair = (value.get("text"), value.get("text_pair")) if isinstance(value, dict) else (value, None)
    if not isinstance(text, str) or not isinstance(pair, (str, type(None))):
        raise bad_request(f'{name} is {json_type(value)}, expected a text or {{"text": ..., "text_pair": ...}}')
    return Text(clean(text), None if pair is None else clean(pair))


def clean(text: str) -> str:
    """Replace lone surrogates, which cannot be encoded as UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def json_type(value: Any) -> str:
    """The JSON type of a value in words, for error messages."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
