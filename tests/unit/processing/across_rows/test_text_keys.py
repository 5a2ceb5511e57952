"""Keys of texts: equal for texts that the database's SQL normalizes alike, and for no others."""

from __future__ import annotations

import random
import sys
import unicodedata
from collections.abc import Sequence

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from processing.across_rows import text_keys
from processing.across_rows.text_keys import normalized
from processing.rows.hashes import BETWEEN, normalized_sql

# Characters of each kind: plain ones, capital letters, white space and what looks like it, forms that NFC changes.
PIECES = [
    *("a", "Z", "[", "@", "`", "{", "1", ".", " ", "  ", "\t", "\n", "\r", "\f", "\v", "\x1f", "\x1c", "\x85", "\0"),
    *("\u00a0", "\u2003", "\u2028", "\u200b", "\u00e9", "\u00c9", "e\u0301", "\u0301", "\u0323", "\u0130", "\u03a3"),
    *("\u03c2", "\u212b", "\u1e9e", "\u1100\u1161\u11a8", "\u2014", "\u2019", "\U0001f600", "\U00010400"),
]


def by_sql(texts: Sequence[str]) -> list[str]:
    with duckdb.connect() as connection:
        connection.register("texts", pa.table({"text": pa.array(texts, pa.string())}))
        return [text for (text,) in connection.execute(f"SELECT {normalized_sql('text')} FROM texts").fetchall()]


def generated(number: int) -> list[str]:
    pick = random.Random(6)
    return ["".join(pick.choices(PIECES, k=pick.randrange(12))) for _ in range(number)]


@pytest.mark.parametrize(("before", "after"), [("", ""), ("A\u0300", "\u0323 x")])
def test_every_character_is_normalized_as_by_the_database(before: str, after: str) -> None:
    characters = map(chr, range(1, sys.maxunicode + 1))
    # The database may know marks that this Python does not.
    known = [character for character in characters if unicodedata.category(character) not in ("Cs", "Cn")]
    texts = [before + character + after for character in known]
    assert len(texts) > 280_000
    assert list(map(normalized, texts)) == by_sql(texts)


def test_texts_are_normalized_as_by_the_database() -> None:
    texts = generated(20_000)
    assert list(map(normalized, texts)) == by_sql(texts)


@pytest.mark.parametrize("rows", [1, 3, 256])
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_keys_are_equal_where_normalized_texts_are(
    rows: int, kind: pa.DataType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_keys, "ROWS", rows)
    texts = ["", " ", *generated(3000), "A plain text.", "a PLAIN text.", "a  plain text. ", f"a{BETWEEN}B", ""]
    keys = text_keys.text_keys(pa.array(["of another slice", *texts], kind).slice(1))
    assert keys.shape == (len(texts), 2)
    expected = list(map(normalized, texts))
    groups = [dict(zip(map(tuple, keys.tolist()), expected, strict=True))]
    # One key for each normalized text, and one normalized text for each key.
    assert len(groups[0]) == len(set(expected)) > 1000
    assert [groups[0][tuple(key)] for key in keys.tolist()] == expected


@pytest.mark.parametrize(("before", "after"), [("", ""), ("A", "b"), ("\u00e9", "\u0323 x"), ("\u2019", "\u2019")])
def test_keys_are_those_of_normalized_texts_for_every_character(before: str, after: str) -> None:
    texts = [before + chr(code) + after for code in range(1, sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    keys = text_keys.text_keys(pa.array(texts))
    assert (keys == text_keys.hashed(normalized(text).encode() for text in texts)).all()


def test_keys_of_no_texts() -> None:
    assert text_keys.text_keys(pa.array([], pa.string())).shape == (0, 2)


@pytest.mark.parametrize(
    ("text", "is_simple"),
    [
        *(("Two words, [1]", True), (f"a{BETWEEN}b", True), ("", True), ("a  b", False), (" a", False), ("a ", False)),
        *(("a\tb", False), ("a\x00b", False), ("caf\u00e9", True), ("CAF\u00c9", False), ("e\u0301", False)),
        *(("\u201cIt\u2019s\u201d \u2013 no", True), ("a\u00a0b", False), ("a\u2003b", False), ("\u2126", False)),
        *(("\u4e00", False), ("\U0001f600", False), ("\u00e9", True), ("\u2019", True)),
    ],
)
def test_simple_texts_are_told_apart(text: str, is_simple: bool) -> None:
    # Its neighbours are simple, whatever it is.
    content = np.frombuffer(f"x{text}y".encode(), np.uint8)
    ends = np.array([1, len(content) - 1, len(content)])
    assert text_keys.simple(ends, content).tolist() == [True, is_simple, True]
