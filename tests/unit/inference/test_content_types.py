from __future__ import annotations

import pytest

from inference.content_types import CSV, JSON, JSON_LINES, choose_output
from inference.errors import RequestError


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/json; charset=utf-8", JSON),
        ("Application/JsonLines", JSON_LINES),
        ("application/x-jsonlines", JSON_LINES),
        ("text/csv", CSV),
        ("text/html, text/csv;q=0.8", CSV),
        ("text/html, */*", JSON),
        ("application/*", JSON),
        ("text/csv;q=0, application/jsonlines", JSON_LINES),
        ("text/csv; q=0.5, application/json;charset=utf-8;q=0.9, application/jsonlines;q=0.9", JSON),
        ("text/csv;q=x", CSV),
    ],
)
def test_the_preferred_type_that_can_be_written(accept: str | None, expected: str) -> None:
    assert choose_output(accept, JSON) == expected


def test_the_default_is_the_launchers() -> None:
    assert choose_output("*/*", CSV) == CSV


def test_nothing_acceptable() -> None:
    with pytest.raises(RequestError) as caught:
        choose_output("text/html, image/png, text/csv;q=0", JSON)
    assert caught.value.status == 406
