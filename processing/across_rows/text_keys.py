"""Keys of texts by which --drop-duplicates finds equal ones in one pass: 128-bit hashes (XXH3) of normalized texts.

Texts are normalized as SQL of rows/hashes.py does it. Of most texts only the capital letters A to Z change: those need
no more than numpy and XXH3, which take a seventh of the time of that SQL and MD5.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from processing.arrays import take, text_bytes, to_list
from processing.rows.hashes import ASCII_SPACES, ONE_FORM, OTHER_SPACES

# Rows at once: their bytes, and what is computed of them, stay in the processor's cache.
ROWS = 256
SPACE, CAPITAL_A, LETTERS, TO_LOWER = map(np.uint8, (ord(" "), ord("A"), 26, 32))
# The first bytes of characters of two, three and four bytes in UTF-8 (RFC 3629).
TWO_BYTES, THREE_BYTES, FOUR_BYTES = map(np.uint8, (0xC0, 0xE0, 0xF0))
# The last of the control characters is part of what joins the texts of a pair (BETWEEN in rows/hashes.py).
FIRST_PLAIN = 31
# White space that is replaced by one space. A search for each character takes a tenth of the time of the regular
# expression, which most texts do not need.
SPACES = "".join(map(chr, (*ASCII_SPACES, *OTHER_SPACES)))
WHITE_SPACES = ("  ", *SPACES)
WHITE_SPACE = re.compile(f"[ {SPACES}]+")
# Letters for which str.lower gives several characters, or depends on those around; DuckDB maps single characters.
OTHER_LOWER = (("\u0130", "i"), ("\u03a3", "\u03c3"))
Keys = NDArray[np.uint64]


def text_keys(texts: pa.Array) -> Keys:
    """Keys [rows, 2] of `texts` (string or large_string without nulls)."""
    keys = np.zeros((len(texts), 2), np.uint64)
    is_simple = np.zeros(len(texts), np.bool_)
    for start in range(0, len(texts), ROWS):
        ends, content = text_bytes(texts.slice(start, ROWS))
        keys[start : start + ROWS] = hashed(parts(ends, lowered(content)))
        is_simple[start : start + ROWS] = simple(ends, content)
    others = np.flatnonzero(~is_simple)
    keys[others] = hashed(normalized(text).encode() for text in to_list(take(texts, others)))
    return keys


def normalized(text: str) -> str:
    """A text as SQL of `normalized_sql` gives it: in NFC, with one space for white space, in small letters."""
    text = unicodedata.normalize("NFC", text)
    if text.startswith(" ") or text.endswith(" ") or any(mark in text for mark in WHITE_SPACES):
        text = WHITE_SPACE.sub(" ", text).strip(" ")
    for capital, small in OTHER_LOWER:
        text = text.replace(capital, small)
    return text.lower()


def simple(ends: NDArray[np.integer], content: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether normalization changes no more than the capital letters A to Z, for each text.

    Such a text has no two spaces in a row and no other white space, does not begin or end with a space, and has no
    character beyond ASCII that may change.

    Args:
        ends: the end of each text in `content`, which is valid UTF-8.
    """
    is_simple = np.ones(len(ends), np.bool_)
    starts = np.concatenate([[0], ends[:-1]])
    filled = np.flatnonzero(ends > starts)
    starts, last = starts[filled], ends[filled] - 1
    is_space = content == SPACE
    others = content < FIRST_PLAIN
    # Not |=, which copies what it has written.
    np.bitwise_or(others[1:], is_space[1:] & is_space[:-1], out=others[1:])
    others[changing(content)] = True
    if len(filled):
        has_others = np.logical_or.reduceat(others, starts)
        is_simple[filled] = ~(has_others | is_space[starts] | is_space[last])
    return is_simple


def changing(content: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Places of the first bytes of the characters beyond ASCII that normalization may change."""
    places = np.flatnonzero(content >= TWO_BYTES)
    first = content[places]
    second, third = (content.take(places + behind, mode="clip").astype(np.intp) & 0x3F for behind in (1, 2))
    of_two = (first.astype(np.intp) & 0x1F) << 6 | second
    of_three = (first.astype(np.intp) & 0x0F) << 12 | second << 6 | third
    codes = np.where(first < THREE_BYTES, of_two, np.where(first < FOUR_BYTES, of_three, ONE_FORM[-1].stop))
    return places[~unchanged().take(codes, mode="clip")]


@cache
def unchanged() -> NDArray[np.bool_]:
    """For each code of a character up to the last of ONE_FORM, and one more: whether normalization never changes it."""
    found = np.zeros(ONE_FORM[-1].stop + 1, np.bool_)
    for code in itertools.chain(*ONE_FORM):
        # Between letters, since spaces at the end are removed.
        text = f"a{chr(code)}a"
        found[code] = normalized(text) == text
    return found


def lowered(content: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The bytes with small letters in place of the capital letters A to Z."""
    is_capital = (content - CAPITAL_A) < LETTERS
    # As numbers of the same type, which takes a fourth of the time.
    small: NDArray[np.uint8] = content | (is_capital.view(np.uint8) * TO_LOWER)
    return small


def parts(ends: NDArray[np.integer], content: NDArray[np.uint8]) -> Iterator[memoryview]:
    """The texts that end at `ends` in `content`."""
    # numpy's types do not say that an array has Python's buffer protocol.
    view, start = memoryview(content), 0  # type: ignore[arg-type]
    for end in ends.tolist():
        yield view[start:end]
        start = end


def hashed(texts: Iterable[bytes | memoryview]) -> Keys:
    """128-bit hashes [texts, 2] of texts."""
    digests = b"".join(map(xxhash.xxh3_128_digest, texts))
    return np.frombuffer(digests, np.uint64).reshape(-1, 2)
