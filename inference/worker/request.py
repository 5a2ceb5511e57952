"""A parsed request: texts and text pairs from the Hugging Face JSON shape, with limits on records."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from inference.errors import RequestError, bad_request
from inference.worker.parameters import Parameters
from inference.worker.responses import Shape


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


def check_count(request: Request, most: int) -> None:
    """Raises RequestError: 413 for more than `most` texts, 400 for none."""
    count = len(request.texts)
    if count > most:
        message = f"the request has {count:,} texts, expected at most {most:,}"
        raise RequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
    if not count:
        raise bad_request("the request has no texts, expected at least one")


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
