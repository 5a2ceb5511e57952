"""Hashes of the pairs of consecutive words of texts, computed by numpy for many texts at once.

Words are what stands between white space and common punctuation, all of them ASCII. DuckDB's lists take three times as
long to split and hash them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from processing.arrays import text_bytes

SEPARATORS = b" \n\t.,!?"
# Bytes of texts at once, unless one text has more: what is computed of them stays in the processor's cache.
BLOCK_BYTES = 256 * 1024
# Bytes of a word that are hashed at once, and of the longest word that numpy hashes; XXH3 hashes the few longer ones.
LANE, MOST_LANES = 8, 4
# For the first n bytes of a lane, as a number in little-endian order, n up to LANE.
LANE_MASKS = np.array([(1 << (8 * size)) - 1 for size in range(LANE + 1)], np.uint64)
# Of splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
GAMMA = np.uint64(0x9E3779B97F4A7C15)
STEPS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
LAST_STEP, HALF = np.uint64(31), np.uint64(32)
Uint64s = NDArray[np.uint64]
Places = NDArray[np.intp]


class WordPairs(NamedTuple):
    """The word pairs of texts; a text of one word has that word's hash, one without words nothing.

    Attributes:
        hashes: 64-bit hashes of the pairs of all texts, in the order of the words.
        offsets: where each text's hashes begin, with the end of the last [texts + 1].
        sets: the upper halves of the hashes, which are enough to compare two texts: of each text sorted, and each once.
        set_offsets: where each text's part of `sets` begins, with the end of the last [texts + 1].
    """

    hashes: Uint64s
    offsets: Places
    sets: NDArray[np.uint32]
    set_offsets: Places


def word_pairs(texts: pa.Array) -> WordPairs:
    """The word pairs of `texts` (string or large_string without nulls)."""
    parts = [_of_block(*text_bytes(block)) for block in _blocks(texts)]
    hashes, counts, sets, set_counts = zip(*parts, strict=True) if parts else [()] * 4
    return WordPairs(
        np.concatenate([np.empty(0, np.uint64), *hashes]),
        np.cumsum(np.concatenate([[0], *counts]), dtype=np.intp),
        np.concatenate([np.empty(0, np.uint32), *sets]),
        np.cumsum(np.concatenate([[0], *set_counts]), dtype=np.intp),
    )


def _blocks(texts: pa.Array) -> Iterator[pa.Array]:
    """Consecutive `texts` of up to BLOCK_BYTES together, or a larger one alone."""
    ends, _ = text_bytes(texts)
    first, before = 0, 0
    while first < len(texts):
        last = max(int(ends.searchsorted(before + BLOCK_BYTES, side="right")), first + 1)
        yield texts.slice(first, last - first)
        first, before = last, int(ends[last - 1])


def _of_block(
    ends: NDArray[np.integer], content: NDArray[np.uint8]
) -> tuple[Uint64s, Places, NDArray[np.uint32], Places]:
    """Hashes, their number in each text, the sets of their upper halves, and the sizes of these."""
    starts, lengths = _words(ends, content)
    hashes = _word_hashes(content, starts, lengths)
    # Where each text's words end.
    bounds = starts.searchsorted(ends)
    words = np.diff(bounds, prepend=0)
    last = bounds[words > 0] - 1
    pairs = hashes.copy()
    pairs[:-1] = mixed(hashes[:-1] * GAMMA + hashes[1:])
    is_pair = np.ones(len(pairs), np.bool_)
    is_pair[last] = False
    only = bounds[words == 1] - 1
    pairs[only], is_pair[only] = hashes[only], True
    pairs = pairs[is_pair]
    counts = np.maximum(words - 1, words > 0)
    return pairs, counts, *_sets(pairs, counts)


def _words(ends: NDArray[np.integer], content: NDArray[np.uint8]) -> tuple[Places, Places]:
    """Where the words begin, and how long they are; none goes beyond the end of a text."""
    is_word = np.ones(len(content), np.bool_)
    for separator in SEPARATORS:
        is_word &= content != separator
    begins, stops = is_word.copy(), is_word.copy()
    begins[1:] &= ~is_word[:-1]
    stops[:-1] &= ~is_word[1:]
    inner = ends[(ends > 0) & (ends < len(content))]
    begins[inner], stops[inner - 1] = is_word[inner], is_word[inner - 1]
    starts = np.flatnonzero(begins)
    return starts, np.flatnonzero(stops) + 1 - starts


def _word_hashes(content: NDArray[np.uint8], starts: Places, lengths: Places) -> Uint64s:
    """64-bit hashes of the words that begin at `starts` in `content`."""
    padded = np.concatenate([content, np.zeros(LANE, np.uint8)])
    # The LANE bytes from each place on as one number, which is not aligned.
    lanes = np.ndarray((len(content),), "<u8", padded.data, strides=(1,))
    hashes = mixed(lengths.astype(np.uint64) * GAMMA + (lanes[starts] & LANE_MASKS.take(lengths, mode="clip")))
    rest = np.flatnonzero(lengths > LANE)
    for before in range(LANE, MOST_LANES * LANE, LANE):
        left = lengths[rest] - before
        values = lanes[starts[rest] + before] & LANE_MASKS.take(left, mode="clip")
        hashes[rest] = mixed(hashes[rest] * GAMMA + values)
        rest = rest[left > LANE]
    for word in rest.tolist():
        start = int(starts[word])
        hashes[word] = xxhash.xxh3_64_intdigest(content[start : start + int(lengths[word])].tobytes())
    return hashes


def _sets(hashes: Uint64s, counts: Places) -> tuple[NDArray[np.uint32], Places]:
    """The upper halves of the hashes of each text, sorted and each once, and their number in each text."""
    halves = (hashes >> HALF).astype(np.uint32)
    bounds = np.cumsum(counts)
    # Each text for itself: numpy sorts some hundred numbers several times as fast as the same numbers among many.
    for start, end in pairwise([0, *bounds.tolist()]):
        halves[start:end].sort()
    is_first = np.ones(len(halves), np.bool_)
    np.not_equal(halves[1:], halves[:-1], out=is_first[1:])
    starts = bounds - counts
    is_first[starts[counts > 0]] = True
    kept = np.concatenate([[0], np.cumsum(is_first)])
    return halves[is_first], kept[bounds] - kept[starts]


def mixed(values: Uint64s) -> Uint64s:
    """Values of which each bit depends on all bits of those given: the output function of splitmix64."""
    for shift, factor in STEPS:
        values = (values ^ (values >> np.uint64(shift))) * np.uint64(factor)
    return values ^ (values >> LAST_STEP)
