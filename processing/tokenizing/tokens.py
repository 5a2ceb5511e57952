"""Tokens: the token ids of a batch of rows; truncates rows, adds special tokens, selects and merges rows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


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


@dataclass(frozen=True)
class SpecialTokens:
    """Number of special tokens before and after the tokens of a text."""

    before: int
    after: int


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


def with_special_tokens(
    ids: NDArray[np.int32],
    counts: NDArray[np.int32],
    before: NDArray[np.int32],
    after: NDArray[np.int32],
    limit: int,
    side: str,
) -> Tokens:
    """Truncate rows and add special tokens, so that each has at most `limit` tokens.

    Args:
        ids: token ids of all rows, concatenated, without special tokens.
        counts: number of tokens of each row.
        before: ids of the special tokens before a text.
        after: ids of the special tokens after a text.
        side: side on which rows are truncated, right or left.
    """
    special = len(before) + len(after)
    kept = np.minimum(counts, limit - special)
    lengths = (kept + special).astype(np.int32)
    ends = np.cumsum(lengths, dtype=np.int64)
    whole: NDArray[np.int32] = np.empty(int(lengths.sum()), np.int32)
    # Slices of rows are ten times faster than a mask over all tokens.
    targets = ends - lengths + len(before)
    starts = np.cumsum(counts, dtype=np.int64) - (kept if side == "left" else counts)
    for target, start, keep in zip(targets.tolist(), starts.tolist(), kept.tolist(), strict=True):
        whole[target : target + keep] = ids[start : start + keep]
    for offset, token in enumerate(before):
        whole[ends - lengths + offset] = token
    for offset, token in enumerate(after):
        whole[ends - len(after) + offset] = token
    return Tokens(whole, lengths, counts + np.int32(special))


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


def interleave(chosen: Tokens, others: Tokens, is_chosen: NDArray[np.bool_]) -> Tokens:
    """Merge two batches: row i is the next row of `chosen` if `is_chosen[i]`, else the next row of `others`.

    Runs of rows from the same batch are copied together, which is fast if there are few runs.
    """
    edges = np.flatnonzero(np.diff(is_chosen, prepend=~is_chosen[:1], append=~is_chosen[-1:]))
    before: NDArray[np.int64] = np.cumsum(is_chosen) - is_chosen
    runs = []
    for start, end in pairwise(edges.tolist()):
        first = int(before[start])
        source, row = (chosen, first) if is_chosen[start] else (others, start - first)
        runs.append(source[row : row + end - start])
    parts = ((run.ids, run.lengths, run.full_lengths) for run in runs)
    return Tokens(*(np.concatenate(part) for part in zip(*parts, strict=True)))
