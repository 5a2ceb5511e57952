"""Owner, rank and normalized text of a row, compared with values computed in Python."""

from __future__ import annotations

import hashlib
import re
import unicodedata

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.rows.hashes import normalized_sql, owner_sql, rank_sql

# White space of every kind, what is not, and characters that NFC changes or joins.
SPACES = [" ", "  ", *map(chr, (9, 10, 11, 12, 13, 0x85, 0xA0, 0x1680, 0x2000, 0x200A, 0x200B, 0x2028, 0x202F, 0x3000))]
PIECES = [*SPACES, "a", "B", "\u00e9", "e\u0301", "\u212b", "\ufb01", "\u2019", "\u4e2d"]


def digest(text: str) -> bytes:
    return hashlib.md5(text.encode(), usedforsecurity=False).digest()


def computed(expression: str, text: str | None) -> object:
    (found,) = duckdb.execute(f"SELECT {expression} FROM (SELECT ?::VARCHAR AS text)", [text]).fetchone() or (None,)
    return found


@pytest.mark.parametrize("text", ["Good film", " good\t film ", "GOOD\u00a0\u2003film\n"])
def test_case_and_white_space_make_no_difference(text: str) -> None:
    assert computed(normalized_sql("text"), text) == "good film"


@settings(max_examples=300, deadline=None)
@given(text=st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
def test_the_normalized_text_is_that_of_python(text: str) -> None:
    spaced = re.sub("[\t\n\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+", " ", text)
    assert computed(normalized_sql("text"), text) == unicodedata.normalize("NFC", spaced).strip(" ").lower()


def test_unicode_forms_make_no_difference_and_accents_do() -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    assert computed(normalized_sql("text"), decomposed) == computed(normalized_sql("text"), composed) == composed
    assert computed(normalized_sql("text"), "cafe") != composed


@pytest.mark.parametrize("text", ["", "a film", "\u4e2d"])
def test_the_owner_is_the_digests_second_half(text: str) -> None:
    assert computed(owner_sql(), text) == int.from_bytes(digest(text)[8:], "little")


def test_a_row_without_text_has_the_owner_of_an_empty_one() -> None:
    assert computed(owner_sql(), None) == computed(owner_sql(), "")


@pytest.mark.parametrize("seed", [42, -1])
def test_the_rank_is_the_first_half_and_depends_on_the_seed(seed: int) -> None:
    assert computed(rank_sql(seed), "a film") == int.from_bytes(digest(f"rank:{seed}:a film")[:8], "little")
