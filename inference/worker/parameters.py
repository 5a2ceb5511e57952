"""Parses `parameters` of a request, as of transformers' pipeline, and the fields of text-embeddings-inference (TEI)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from contract.options import closest
from inference.errors import bad_request

FUNCTIONS = ("sigmoid", "softmax", "none")
TRUNCATIONS = (True, False, "longest_first", "only_first", "only_second", "do_not_truncate")


@dataclass(frozen=True)
class Parameters:
    """Parameters of one request: of tokenization and of the scores in the response.

    Attributes:
        top_k: number of labels in a prediction, most probable first; None means all. Used if `top_k_given`.
        top_k_given: whether the request has top_k; then each prediction is a list.
        function: function that computes scores from logits; None means the model's default.
        truncation: whether to truncate longer input; if False, longer input is an error of the request.
        max_length: longest input in tokens, special tokens included; None means the model's limit.
        threshold: least probability with which the second of two labels, or each of several, is predicted; None means
            no threshold. Used if `threshold_given`, in place of the card's.
    """

    top_k: int | None = 1
    top_k_given: bool = False
    function: str | None = None
    truncation: bool = True
    max_length: int | None = None
    threshold: float | None = None
    threshold_given: bool = False

    @classmethod
    def read(cls, content: Any) -> Parameters:
        """Parse the JSON value `content`. Parameters that change no answer, such as batch_size, are ignored.

        Raises:
            RequestError: 400 for an unknown name or an invalid value.
        """
        if content is None:
            return cls()
        if not isinstance(content, dict):
            raise bad_request("parameters is not an object")
        values: dict[str, Any] = {}
        for name, value in content.items():
            if name not in READERS:
                raise bad_request(unknown_name(name))
            values |= READERS[name](value)
        return cls(**values)


def unknown_name(name: str) -> str:
    """The error for a parameter that there is not; it does not repeat `name`, which may be text of a user."""
    meant = closest(name, list(READERS))
    hint = f", did you mean {meant}?" if meant else ""
    return f"parameters has an unknown name{hint} (expected some of {', '.join(READERS)})"


def check_place(content: Mapping[str, Any]) -> None:
    """Check that the request `content` has no parameter beside `inputs`, where it would have no effect.

    Raises:
        RequestError: 400, it has one that changes answers.
    """
    misplaced = [name for name, reader in READERS.items() if name in content and reader is not _ignored]
    if misplaced:
        raise bad_request(f"the body has {misplaced[0]} beside the texts, expected it in parameters")


def with_tei_fields(content: dict[str, Any]) -> Any:
    """`parameters` of the request `content`, with what the fields say that TEI has beside `inputs`.

    https://huggingface.github.io/text-embeddings-inference: raw_scores, truncate and truncation_direction of /predict.

    Raises:
        RequestError: 400, a field has an invalid value, or `parameters` says the same.
    """
    parameters = content.get("parameters")
    fields = {name: content[name] for name in TEI_FIELDS if content.get(name) is not None}
    added: dict[str, Any] = {}
    for name, value in fields.items():
        added |= TEI_FIELDS[name](value)
    if not added or not isinstance(parameters, (dict, type(None))):
        return parameters
    for name in added.keys() & (parameters or {}).keys():
        raise bad_request(
            f"the body has parameters.{name} and a field beside inputs for the same; expected one of them"
        )
    return {**(parameters or {}), **added}


def _raw_scores(value: Any) -> dict[str, Any]:
    if not isinstance(value, bool):
        raise bad_request("raw_scores is not true or false")
    return {"function_to_apply": "none"} if value else {}


def _truncate(value: Any) -> dict[str, Any]:
    if not isinstance(value, bool):
        raise bad_request("truncate is not true or false")
    return {"truncation": value}


def _direction(value: Any) -> dict[str, Any]:
    if not isinstance(value, str) or value.lower() != "right":
        raise bad_request("truncation_direction is not Right; the side is set in the model's tokenizer_config.json")
    return {}


def _top_k(value: Any) -> dict[str, Any]:
    if value is not None and (not _is_whole(value) or value < 1):
        raise bad_request("parameters.top_k is not a whole number of at least 1, or null for all labels")
    return {"top_k": value, "top_k_given": True}


def _return_all_scores(value: Any) -> dict[str, Any]:
    if not isinstance(value, bool):
        raise bad_request("parameters.return_all_scores is not true or false")
    return {"top_k": None, "top_k_given": True} if value else {}


def _function(value: Any) -> dict[str, Any]:
    if value is None or value == "default":
        return {}
    if not isinstance(value, str) or value.lower() not in FUNCTIONS:
        raise bad_request(f"parameters.function_to_apply is not one of {', '.join(FUNCTIONS)}")
    return {"function": value.lower()}


def _truncation(value: Any) -> dict[str, Any]:
    if not isinstance(value, (bool, str)) or value not in TRUNCATIONS:
        raise bad_request("parameters.truncation is not true or false")
    return {"truncation": value not in (False, "do_not_truncate")}


def _max_length(value: Any) -> dict[str, Any]:
    if value is not None and (not _is_whole(value) or value < 1):
        raise bad_request("parameters.max_length is not a whole number of at least 1")
    return {"max_length": value}


def _threshold(value: Any) -> dict[str, Any]:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if value is not None and not (is_number and 0 <= value <= 1):
        raise bad_request("parameters.threshold is not a number from 0 to 1, or null for none")
    return {"threshold": value, "threshold_given": True}


def _ignored(value: Any) -> dict[str, Any]:  # noqa: ARG001 - has the signature of the other readers
    return {}


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


READERS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "top_k": _top_k,
    "return_all_scores": _return_all_scores,
    "function_to_apply": _function,
    "truncation": _truncation,
    "max_length": _max_length,
    "threshold": _threshold,
    "padding": _ignored,
    "batch_size": _ignored,
    "num_workers": _ignored,
}
TEI_FIELDS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "raw_scores": _raw_scores,
    "truncate": _truncate,
    "truncation_direction": _direction,
}
