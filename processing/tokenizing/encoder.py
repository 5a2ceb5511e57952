"""Tokenization with the tokenizers library: special tokens, truncation, and flat token ids with lengths."""

from __future__ import annotations

import threading
from collections.abc import Sequence
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

# The library's objects weigh some hundred bytes a token: few texts at a time keep that small.
CHUNK = 512
PROBE = "a quick probe of where special tokens go, longer than they are many"


@dataclass(frozen=True)
class Tokens:
    """The tokens of a batch of texts, special tokens included.

    Attributes:
        ids: int32, all rows one after another.
        lengths: int32 [rows], after truncation.
        full_lengths: int32 [rows], before truncation.
    """

    ids: NDArray[np.int32]
    lengths: NDArray[np.int32]
    full_lengths: NDArray[np.int32]

    def __getitem__(self, rows: slice) -> Tokens:
        """The rows from `rows.start` up to `rows.stop`, without a copy."""
        first = int(self.lengths[: rows.start].sum())
        lengths = self.lengths[rows]
        return Tokens(self.ids[first : first + int(lengths.sum())], lengths, self.full_lengths[rows])


class Encoder(Protocol):
    """Anything that turns texts into tokens."""

    def encode(self, texts: pa.Array) -> Tokens: ...

    def summary(self) -> dict[str, int]: ...


@dataclass(frozen=True)
class SpecialTokens:
    """How many special tokens stand before and after a row's own."""

    before: int
    after: int


class LibraryEncoder:
    """The tokenizers library, with truncation of our own that also tells the full lengths.

    Attributes:
        rows: how many it encoded.
    """

    def __init__(self, path: Path, max_length: int) -> None:
        self.tokenizer = load(path)
        self.side = truncation_side(path, self.tokenizer.truncation)
        # Both that the file may carry are ours to do.
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.max_length = max_length
        self.special = special_tokens(self.tokenizer, path)
        self.rows = 0
        self._counting = threading.Lock()
        least = self.special.before + self.special.after + 1
        if max_length < least:
            raise UserError(
                f"option --max-length is {max_length}, expected at least {least}: the tokenizer adds {least - 1} "
                "special tokens to each row"
            )

    def encode(self, texts: pa.Array) -> Tokens:
        """The tokens of `texts` (strings without nulls), in order."""
        return self.tokens(to_list(texts))

    def tokens(self, texts: Sequence[str]) -> Tokens:
        """The tokens of `texts`, in order."""
        with self._counting:
            self.rows += len(texts)
        rows = [ids for start in range(0, len(texts), CHUNK) for ids in self.ids(texts[start : start + CHUNK])]
        full = np.fromiter(map(len, rows), np.int32, len(rows))
        flat = np.fromiter(chain.from_iterable(rows), np.int32, int(full.sum()))
        return truncate(flat, full, self.max_length, self.special, self.side)

    def summary(self) -> dict[str, int]:
        """How many rows it encoded, for the report."""
        return {"tokenizers_rows": self.rows}

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self.tokenizer.encode_batch_fast(list(texts))]


def load(path: Path) -> Tokenizer:
    """The tokenizer in `path`.

    Raises:
        UserError: the library cannot read it.
    """
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # The library raises no narrower type.
        raise UserError(f"tokenizer {path} cannot be read: {error}") from None


def special_tokens(tokenizer: Tokenizer, path: Path) -> SpecialTokens:
    """Where `tokenizer` puts special tokens around one text.

    Raises:
        UserError: elsewhere than before and after it.
    """
    plain = tokenizer.encode(PROBE, add_special_tokens=False).ids
    whole = tokenizer.encode(PROBE).ids
    for before in range(len(whole) - len(plain) + 1):
        if whole[before : before + len(plain)] == plain:
            return SpecialTokens(before, len(whole) - len(plain) - before)
    raise UserError(f"tokenizer {path} puts special tokens elsewhere than before and after a text")


def truncate(flat: NDArray[np.int32], full: NDArray[np.int32], limit: int, special: SpecialTokens, side: str) -> Tokens:
    """Rows cut to `limit` tokens: the text loses its end, or on `side` left its start; special tokens stay.

    The same as the library's truncation, and as AutoTokenizer(truncation=True).
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
    """How many tokens stay at the start and at the end of a row that is cut."""
    if side == "left":
        return special.before, limit - special.before
    return limit - special.after, special.after


def ragged_range(lengths: NDArray[np.int32]) -> NDArray[np.int64]:
    """0, 1, ... of each row: [2, 3] gives [0, 1, 0, 1, 2]."""
    starts = np.cumsum(lengths, dtype=np.int64) - lengths
    return np.arange(int(lengths.sum()), dtype=np.int64) - np.repeat(starts, lengths)


def gather(tokens: Tokens, rows: NDArray[np.int64]) -> Tokens:
    """The given rows of `tokens`, in the given order."""
    ends = np.cumsum(tokens.lengths, dtype=np.int64)
    starts, ends = (ends - tokens.lengths)[rows].tolist(), ends[rows].tolist()
    # Row by row: one look-up over all tokens takes several times as long.
    pieces = [tokens.ids[start:end] for start, end in zip(starts, ends, strict=True)]
    ids = np.concatenate(pieces) if pieces else tokens.ids[:0]
    return Tokens(ids, tokens.lengths[rows], tokens.full_lengths[rows])
