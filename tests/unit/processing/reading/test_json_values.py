"""JSON documents as JSON Lines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contract.failures import UserError
from processing.reading.json_values import Document, is_document

ROWS = [{"text": f"caf\u00e9 {n}\n\u2028 x", "label": n % 2, "n": {"a": [1, {"b": "}]"}]}} for n in range(9)]
WRAPPED = {"version": "1,[{", "count": 9, "data": ROWS, "rest": [1, 2]}


def lines(text: str, block: int) -> list[Any]:
    content = text.encode()
    blocks = (content[start : start + block] for start in range(0, len(content), block))
    return [json.loads(line) for line in Document(blocks, "a.json").lines()]


@pytest.mark.parametrize("block", [1, 7, 10_000])
@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        json.dumps(WRAPPED, indent=1),
        json.dumps(WRAPPED, ensure_ascii=False),
        "\n".join(json.dumps(row, indent=2) for row in ROWS),
    ],
)
def test_each_object_is_a_line(text: str, block: int) -> None:
    assert is_document(text, is_whole=True)
    assert lines(text, block) == ROWS


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], [[1], [2]]])
def test_json_lines_are_no_document(rows: list[Any]) -> None:
    assert not is_document("\n".join(map(json.dumps, rows)), is_whole=True)


def test_rows_with_lists_of_objects_are_no_documents() -> None:
    rows = [{"spans": [{"start": 1}], "text": f"a\u2028b\x85{n}", "label": n} for n in range(3)]
    assert not is_document("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), is_whole=True)
    # Of a single row the name decides.
    row = json.dumps(rows[0])
    assert is_document(row, is_whole=True) and not is_document(row, is_whole=True, says_lines=True)
    assert is_document(json.dumps(rows), is_whole=True, says_lines=True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"a": "secret"},\n{"b": "sec', "a value that is not JSON .line 2."),
        ('[{"a": "secret"} {"b": 2}]', "no ']' where one is expected"),
        ('{"a": [{"x": 1}], "b": [{"x": 2}]}', "more than one list of rows"),
        ('{"a": [{"x": 1}]}\n{"a": [{"x": 1}]}', "more than one object with a list of rows"),
        ("[" * 100_000, "a value that is not JSON"),
    ],
)
def test_other_documents_are_refused_without_their_values(text: str, words: str) -> None:
    with pytest.raises(UserError, match=f"^input file a.json has {words}") as caught:
        lines(text, 1000)
    assert "secret" not in str(caught.value)


def test_invalid_bytes_stay_in_their_row() -> None:
    assert list(Document([b'[{"a": "\xff"},{"a": 1}]'], "a.json").lines()) == [b'{"a": "\xff"}\n', b'{"a": 1}\n']
