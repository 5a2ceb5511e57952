"""Content types: parsing Content-Type, and choosing the output type by Accept."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from sagemaker_inference import content_types

from inference.errors import RequestError

JSON = content_types.JSON
CSV = content_types.CSV
JSON_LINES = "application/jsonlines"
TEXT = "text/plain"
NPY = content_types.NPY
JSON_LINES_NAMES = (JSON_LINES, "application/x-jsonlines", "application/jsonl", "application/x-ndjson")
OUTPUTS = (JSON, JSON_LINES, CSV)


def media_type(header: str | None) -> str:
    """The media type of a Content-Type header, in lower case: `text/csv` for `Text/CSV; charset=utf-8`.

    Empty for None.
    """
    return (header or "").partition(";")[0].strip().lower()


def weight(part: str) -> float:
    """The weight q of one part of an Accept header: 0.8 for `text/csv;q=0.8`; 1 without one, or with an invalid one."""
    values = [value.strip().removeprefix("q=") for value in part.split(";")[1:] if value.strip().startswith("q=")]
    try:
        return float(values[0]) if values else 1.0
    except ValueError:
        return 1.0


def choose_output(accept: str | None, default: str, outputs: Sequence[str] = OUTPUTS) -> str:
    """The content type that an Accept header prefers of those that the server writes; `default` if it accepts any.

    Of equal weight (q, RFC 9110, 12.4.2) it is the first.

    Args:
        outputs: what the server can write.

    Raises:
        RequestError: 406, the server can write none of them.
    """
    parts = sorted((accept or "*/*").split(","), key=weight, reverse=True)
    for kind in [media_type(part) for part in parts if weight(part)]:
        if kind in ("*/*", ""):
            return default
        if kind in JSON_LINES_NAMES:
            return JSON_LINES
        if kind in outputs:
            return kind
        if kind in ("application/*", "text/*"):
            return JSON if kind == "application/*" else CSV
    raise RequestError(
        HTTPStatus.NOT_ACCEPTABLE,
        f"the server writes none of the accepted content types, expected one of {', '.join(outputs)}",
    )
