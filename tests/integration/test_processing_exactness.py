"""Compares token ids of real and generated texts with the tokenizers library's, for configured tokenizers.

    PROCESSING_TEST_TOKENIZERS=a/tokenizer.json:b/tokenizer.json PROCESSING_TEST_FILE=reviews.tsv.gz \\
        python -m pytest -s tests/integration/test_processing_exactness.py

PROCESSING_TEST_STRINGS is the number of texts to generate for each (100,000).
"""

from __future__ import annotations

import gzip
import os
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from processing.arrays import to_texts
from processing.tokenizing.encoder import LibraryEncoder
from processing.tokenizing.fast_encoder import encoder

pytestmark = pytest.mark.integration

TOKENIZERS, FILE, STRINGS = "PROCESSING_TEST_TOKENIZERS", "PROCESSING_TEST_FILE", "PROCESSING_TEST_STRINGS"
BATCH = 5000
# Unicode blocks of the generated texts: Latin and similar, marks, punctuation, CJK, Hangul, emoji, all.
BLOCKS = (
    (0x20, 0x7F), (0x20, 0x7F), (0, 0x250), (0x250, 0x800), (0x300, 0x370), (0x2000, 0x2100), (0x3000, 0x3100),
    (0x4E00, 0xA000), (0xAC00, 0xD7A4), (0xE000, 0xE010), (0xFF00, 0xFFF0), (0x1F300, 0x1F700), (0x10000, 0x110000),
)  # fmt: skip
JOINTS = (" ", " ", " ", "", "  ", "   ", "\t", "\n", "\r\n", " \n ", "'", "'s ", " '", "\u00a0", "\u3000", "-", ".")


def reviews() -> list[str]:
    with gzip.open(os.environ[FILE], "rt", encoding="utf-8", newline="\n") as file:
        lines = file.read().rstrip("\n").split("\n")
    column = lines[0].split("\t").index("review_body")
    return [line.split("\t")[column] for line in lines[1:]]


def generated(words: list[str], literals: list[str]) -> Iterator[str]:
    """Generate texts of words, characters, runs and literal special tokens; half of them are ASCII only."""
    pick = random.Random(7)
    while True:
        parts: list[str] = []
        is_plain = pick.random() < 0.5
        for _ in range(pick.randint(0, 30)):
            kind = pick.random()
            if kind < 0.55:
                parts.append(pick.choice(words))
            elif kind < 0.75:
                block = BLOCKS[0] if is_plain else pick.choice(BLOCKS)
                codes = (pick.randrange(*block) for _ in range(pick.randint(1, 8)))
                parts.append("".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000))
            elif kind < 0.8:
                parts.append(chr(pick.randrange(0x21, 0x7F)) * pick.randint(1, 160))
            elif kind < 0.81 and not is_plain:
                parts.append(pick.choice(literals))
            parts.append(pick.choice(JOINTS))
        text = "".join(parts)
        yield text.encode("ascii", "ignore").decode() if is_plain else text


def differences(path: Path, texts: Iterator[str], max_length: int) -> tuple[int, int, dict[str, int]]:
    """Number of texts compared, batches that differ, and numbers of texts encoded by each library."""
    ours, library = encoder(LibraryEncoder(path, max_length), "auto"), LibraryEncoder(path, max_length)
    compared = wrong = 0
    while batch := list(islice(texts, BATCH)):
        found, expected = ours.encode(to_texts(batch)), library.tokens(batch)
        pairs = ((found.ids, expected.ids), (found.lengths, expected.lengths))
        wrong += not all(np.array_equal(one, other) for one, other in pairs)
        compared += len(batch)
    return compared, wrong, ours.summary()


@pytest.mark.skipif(
    TOKENIZERS not in os.environ or FILE not in os.environ, reason=f"{TOKENIZERS} and {FILE} name no real data"
)
@pytest.mark.parametrize("name", os.environ.get(TOKENIZERS, "").split(":"))
def test_no_text_has_other_token_ids(name: str) -> None:
    path, real = Path(name), reviews()
    words = sorted({word for text in real[:2000] for word in text.split()})
    literals = [token.content for token in LibraryEncoder(path, 8).tokenizer.get_added_tokens_decoder().values()]
    for what, texts in (
        ("real", iter(real)),
        ("generated", islice(generated(words, literals or [""]), int(os.environ.get(STRINGS, 100_000)))),
    ):
        compared, wrong, summary = differences(path, texts, 128)
        print(f"\n{name}: {compared:,} {what} texts, {wrong} batches differ, {summary}")
        assert wrong == 0
