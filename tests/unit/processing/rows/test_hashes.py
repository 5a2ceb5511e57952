"""Owner, rank and normalized text of a row, compared with values computed in Python."""

from __future__ import annotations

import hashlib

import duckdb
import pytest

from processing.rows.hashes import normalized_sql, owner_sql, rank_sql


def digest(text: str) -> bytes:
    return hashlib.md5(text.encode(), usedforsecurity=False).digest()


def computed(expression: str, text: str | None) -> object:
    (found,) = duckdb.execute(f"SELECT {expression} FROM (SELECT ?::VARCHAR AS text)", [text]).fetchone() or (None,)
    return found


@pytest.mark.parametrize("text", ["Good film", " good\t film ", "GOOD\u00a0\u2003film\n"])
def test_case_and_white_space_make_no_difference(text: str) -> None:
    assert computed(normalized_sql("text"), text) == "good film"


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
