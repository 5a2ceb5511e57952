"""LibraryEncoder: tokenizes with the tokenizers library: special tokens, truncation, flat token ids with lengths."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tokenizers import Tokenizer

from contract.failures import UserError
from contract.tokenizer import truncation_side
from processing.arrays import to_list

# Texts per call of the library, whose result takes some hundred bytes per token.
CHUNK = 512
# Characters of a text of which the library encodes one at a time, since it takes about 100 bytes for each.
LONG_TEXT = 1_000_000
# Text from which the positions of special tokens are determined.
PROBE = "a quick probe of where special tokens go, longer than they are many"


@dataclass(frozen=True)
class Tokens:
    """The tokens of a batch of texts or pairs of texts, special tokens included.

    Attributes:
        ids: int32, token ids of all rows, concatenated.
        lengths: int32 [rows], after truncation.
        full_lengths: int32 [rows], before truncation.
        types: int8, token_type_ids of all rows, concatenated; None where rows get none.
    """

    ids: NDArray[np.int32]
    lengths: NDArray[np.int32]
    full_lengths: NDArray[np.int32]
    types: NDArray[np.int8] | None = None

    def __getitem__(self, rows: slice) -> Tokens:
        """The rows from `rows.start` up to `rows.stop`, without a copy."""
        first = int(self.lengths[: rows.start].sum())
        lengths = self.lengths[rows]
        tokens = slice(first, first + int(lengths.sum()))
        types = None if self.types is None else self.types[tokens]
        return Tokens(self.ids[tokens], lengths, self.full_lengths[rows], types)


class Encoder(Protocol):
    """Interface of encoders: LibraryEncoder and TokieEncoder."""

    def encode(self, texts: pa.Array) -> Tokens:
        """Tokenize an Arrow array of strings without nulls."""

    def summary(self) -> dict[str, int]:
        """Numbers of rows encoded, for report.json."""


@dataclass(frozen=True)
class SpecialTokens:
    """Number of special tokens before and after the tokens of a text."""

    before: int
    after: int


class LibraryEncoder:
    """Tokenizes with the tokenizers library; truncates itself, to know the lengths before truncation.

    Args:
        path: the tokenizer.json.
        max_length: longest row in tokens, special tokens included.

    Attributes:
        rows: number of texts encoded so far.
        one_long_text: held while texts with more than LONG_TEXT characters are encoded.

    Raises:
        UserError: the tokenizer cannot be read, or `max_length` is too small for its special tokens and one more.
    """

    def __init__(self, path: Path, max_length: int) -> None:
        self.tokenizer = load(path)
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
        with self.one_long_text if max(map(len, texts), default=0) > LONG_TEXT else nullcontext():
            rows = [ids for start in range(0, len(texts), CHUNK) for ids in self.ids(texts[start : start + CHUNK])]
        full = np.fromiter(map(len, rows), np.int32, len(rows))
        flat = np.fromiter(chain.from_iterable(rows), np.int32, int(full.sum()))
        return truncate(flat, full, self.max_length, self.special, self.side)

    def summary(self) -> dict[str, int]:
        """Number of rows encoded, for report.json."""
        return {"tokenizers_rows": self.rows}

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without truncation."""
        return [encoding.ids for encoding in self.tokenizer.encode_batch_fast(list(texts))]


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
        UserError: it adds special tokens within the text.
    """
    plain = tokenizer.encode(PROBE, add_special_tokens=False).ids
    whole = tokenizer.encode(PROBE).ids
    for before in range(len(whole) - len(plain) + 1):
        if whole[before : before + len(plain)] == plain:
            return SpecialTokens(before, len(whole) - len(plain) - before)
    raise UserError(f"tokenizer {path} adds special tokens within a text, expected only before and after it")


def truncate(flat: NDArray[np.int32], full: NDArray[np.int32], limit: int, special: SpecialTokens, side: str) -> Tokens:
    """Truncate rows to `limit` tokens, on the right or on the left of the text (`side`); special tokens are kept.

    The result is that of the library's truncation, and of AutoTokenizer(truncation=True).

    Args:
        flat: token ids of all rows, concatenated.
        full: length of each row.
    """
    lengths = np.minimum(full, limit).astype(np.int32)
    if not (full > limit).any():
        return Tokens(flat, lengths, full)
    position = ragged_range(full)
    row_length: NDArray[np.int32] = np.repeat(full, full)
    first, last = kept_ends(limit, special, side)
    kept = (row_length <= limit) | (position < first) | (position >= row_length - last)
    return Tokens(flat[kept], lengths, full)


def kept_ends(limit: int, special: SpecialTokens, side: str) -> tuple[int, int]:
    """Number of tokens that are kept at the start and at the end of a truncated row."""
    if side == "left":
        return special.before, limit - special.before
    return limit - special.after, special.after


def ragged_range(lengths: NDArray[np.int32]) -> NDArray[np.int64]:
    """Positions within each row, concatenated: [2, 3] gives [0, 1, 0, 1, 2]."""
    starts = np.cumsum(lengths, dtype=np.int64) - lengths
    return np.arange(int(lengths.sum()), dtype=np.int64) - np.repeat(starts, lengths)


def gather(tokens: Tokens, rows: NDArray[np.int64]) -> Tokens:
    """The given rows of `tokens`, in the given order."""
    ends = np.cumsum(tokens.lengths, dtype=np.int64)
    starts, ends = (ends - tokens.lengths)[rows].tolist(), ends[rows].tolist()
    # Slices of rows are several times faster than one index over all tokens.
    slices = [slice(start, end) for start, end in zip(starts, ends, strict=True)]
    ids = np.concatenate([tokens.ids[:0], *(tokens.ids[each] for each in slices)])
    types = tokens.types
    if types is not None:
        types = np.concatenate([types[:0], *(types[each] for each in slices)])
    return Tokens(ids, tokens.lengths[rows], tokens.full_lengths[rows], types)
