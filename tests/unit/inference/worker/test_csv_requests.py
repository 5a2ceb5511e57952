from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.errors import RequestError
from inference.worker.csv_requests import decode_csv
from inference.worker.request import Text


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), min_size=1))
def test_csv_keeps_every_text(values: list[str]) -> None:
    body = io.StringIO(newline="")
    csv.writer(body, quoting=csv.QUOTE_ALL).writerows([["text"], *([value] for value in values)])
    assert [text.text for text in decode_csv(body.getvalue()).texts] == values


def test_a_header_names_the_columns_wherever_they_are() -> None:
    assert decode_csv("id,Text,note\n1,good,x\n2,bad,y\n").texts == [Text("good"), Text("bad")]
    assert decode_csv("text_pair,text\nb,a\n,c\n").texts == [Text("a", "b"), Text("c")]


def test_a_cell_may_be_longer_than_the_csv_modules_own_limit() -> None:
    text = "good film " * 20_000
    assert decode_csv(f'"{text}"\n').texts == [Text(text)]


def test_without_a_header_every_row_is_a_record() -> None:
    assert decode_csv("good\nbad").texts == [Text("good"), Text("bad")]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("a,b", "row 1 has 2 columns, expected 1"),
        ("premise,hypothesis\na,b", "or a header with one of text, .*; of pairs with text and text_pair"),
        ("id,text\n1", "number of columns: 1 in row 2, 2 in the header"),
        ("text,text_pair\na", "number of columns: 1 in row 2, 2 in the header"),
        ("text\na,b", r"number of columns: 2 in row 2, 1 in the header \(quote a text that holds commas\)"),
        ("text,text_pair\na,b\nc, d,e", "number of columns: 3 in row 3, 2 in the header"),
        ("text,text_pair\n,b", "row 2 has a text_pair and no text, expected both"),
        ('"a', "the body is not CSV"),
    ],
)
def test_rows_that_do_not_fit_are_named(body: str, sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence):
        decode_csv(body)
