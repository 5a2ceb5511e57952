"""LibraryEncoder: tokenizes with the tokenizers library, also long texts in parts, and finds its special tokens."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer

from contract.failures import UserError, is_failure
from contract.tokenizer import read, truncation_side
from processing.arrays import to_list
from processing.tokenizing.fast_support import splits_at_spaces
from processing.tokenizing.tokens import SpecialTokens, Tokens, truncate

# Texts, and their characters, per call of the library, which takes some hundred bytes for each token.
CHUNK, CHUNK_CHARACTERS = 512, 1_000_000
# Characters from which a text is encoded in parts, and of each part.
LONG_TEXT, PART = 200_000, 100_000
# A space where a text may be divided: between letters or digits, which belong to no other token than their words.
DIVISION = re.compile(r"(?<=[A-Za-z0-9])(?= [A-Za-z0-9])")
# Text from which the positions of special tokens are determined.
PROBE = "a quick probe of where special tokens go, longer than they are many"


class Encoder(Protocol):
    """Interface of encoders: LibraryEncoder and FastEncoder."""

    def encode(self, texts: pa.Array) -> Tokens:
        """Tokenize an Arrow array of strings without nulls."""

    def summary(self) -> dict[str, int]:
        """Numbers of rows encoded, for report.json."""


class LibraryEncoder:
    """Tokenizes with the tokenizers library; truncates itself, to know the lengths before truncation.

    Args:
        path: the tokenizer.json.
        max_length: longest row in tokens, special tokens included.

    Attributes:
        path: the tokenizer.json.
        rows: number of texts encoded so far.
        one_long_text: held while a text with more than LONG_TEXT characters is encoded whole.

    Raises:
        UserError: the tokenizer cannot be read, or `max_length` is too small for its special tokens and one more.
    """

    def __init__(self, path: Path, max_length: int) -> None:
        self.tokenizer, self.path = load(path), path
        self.side = truncation_side(path, self.tokenizer.truncation)
        # The file may configure both; truncation and padding are done here.
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.max_length = max_length
        self.special = special_tokens(self.tokenizer, path)
        self.rows = 0
        self._counting, self.one_long_text = threading.Lock(), threading.Lock()
        least = self.special.before + self.special.after + 1
        if max_length < least:
            raise UserError(
                f"option --max-length is {max_length}, expected at least {least}: the tokenizer adds {least - 1} "
                "special tokens to each row"
            )

    def encode(self, texts: pa.Array) -> Tokens:
        """Tokenize an Arrow array of strings without nulls."""
        return self.tokens(to_list(texts))

    def tokens(self, texts: Sequence[str]) -> Tokens:
        """Tokenize strings."""
        with self._counting:
            self.rows += len(texts)
        rows = [ids for chunk in chunks(texts) for ids in self.ids(chunk)]
        full = np.fromiter(map(len, rows), np.int32, len(rows))
        flat = np.fromiter(chain.from_iterable(rows), np.int32, int(full.sum()))
        return truncate(flat, full, self.max_length, self.special, self.side)

    def summary(self) -> dict[str, int]:
        """Number of rows encoded, for report.json."""
        return {"tokenizers_rows": self.rows}

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each of `texts`, which are one of `chunks`, without truncation."""
        if len(texts) == 1 and len(texts[0]) > LONG_TEXT:
            return [self._long_ids(texts[0])]
        return [encoding.ids for encoding in self.tokenizer.encode_batch_fast(list(texts))]

    def _long_ids(self, text: str) -> list[int]:
        """Token ids of a long text, from its parts if the tokenizer splits texts at spaces, else one text at a time."""
        if not self._splits_at_spaces:
            with self.one_long_text:
                return list(self.tokenizer.encode(text).ids)
        found: list[int] = self.tokenizer.encode("").ids
        within = self.special.before
        found[within:within] = chain.from_iterable(
            self.tokenizer.encode(part, add_special_tokens=False).ids for part in parts(text)
        )
        return found

    @cached_property
    def _splits_at_spaces(self) -> bool:
        return splits_at_spaces(read(self.path))


def chunks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """`texts` in order, in chunks for one call of the library; a text with more than LONG_TEXT characters is alone."""
    first = characters = 0
    for place, text in enumerate(texts):
        is_long = len(text) > LONG_TEXT
        if place > first and (is_long or place - first == CHUNK or characters + len(text) > CHUNK_CHARACTERS):
            yield texts[first:place]
            first, characters = place, 0
        characters += CHUNK_CHARACTERS if is_long else len(text)
    if first < len(texts):
        yield texts[first:]


def parts(text: str) -> Iterator[str]:
    """Parts of about PART characters that together are `text`, divided only where DIVISION matches."""
    start = 0
    while start < len(text):
        division = DIVISION.search(text, start + PART)
        end = division.start() if division else len(text)
        yield text[start:end]
        start = end


def load(path: Path) -> Tokenizer:
    """Load the tokenizer.json `path`.

    Raises:
        UserError: the tokenizers library cannot read it.
    """
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # The library raises no narrower type.
        raise UserError(f"tokenizer {path} cannot be read: {error}") from None


def special_tokens(tokenizer: Tokenizer, path: Path) -> SpecialTokens:
    """How many special tokens `tokenizer` adds before and after a text.

    Raises:
        UserError: it cannot encode a text, or adds special tokens within it.
    """
    try:
        plain = tokenizer.encode(PROBE, add_special_tokens=False).ids
        whole = tokenizer.encode(PROBE).ids
    except BaseException as error:
        # A vocabulary without its token for unknown words, a post-processor without the text.
        if not is_failure(error):
            raise
        raise UserError(f"tokenizer {path} cannot encode a text: {error}") from None
    for before in range(len(whole) - len(plain) + 1):
        if whole[before : before + len(plain)] == plain:
            return SpecialTokens(before, len(whole) - len(plain) - before)
    raise UserError(f"tokenizer {path} adds special tokens within a text, expected only before and after it")
