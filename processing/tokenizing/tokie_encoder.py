"""Tokenization with tokie where its token ids are proven equal to the tokenizers library's; sampled checks.

tokie is an order of magnitude faster, but differs from the tokenizers library on some code points
and on some tokenizers. So it gets only tokenizers of a proven structure and texts of a proven
alphabet (processing.tokenizing.tokie_support); the library encodes everything else and, row by row of a sample,
judges the rest.
"""

from __future__ import annotations

import json
import logging
import random
import tempfile
import threading
from collections.abc import Sequence
from itertools import compress, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from contract.tokenizer import TOKENIZER_FILE, read
from processing.arrays import to_list, to_texts
from processing.tokenizing.encoder import Encoder, LibraryEncoder, Tokens, gather
from processing.tokenizing.tokie_support import Proven, proven

log = logging.getLogger(__name__)

FIRST_SAMPLE, SAMPLE = 16, 1
# What tokie need not do: no text with an added token comes to it, and it is a twelfth of its time to look for them.
LEAN: dict[str, Any] = {"added_tokens": [], "truncation": None, "padding": None}
PROBES = (
    "",
    " ",
    "Hello, World!! It's 100% \u00e9t\u00e9\tna\u00efve \u2014 \u201cquoted\u201d <br /><br />",
    "a" * 120 + " b " + "supercalifragilistic" * 12,
    "#hash ##double @user http://x.y/z?a=1&b=2 C++ 3.14 1,000 \u00a31.50 \u20ac",
    "[CLS [SEP CLS] ] [ unused",
)


def encoder(path: Path, max_length: int, backend: str) -> Encoder:
    """The fastest encoder that gives the library's ids for the tokenizer in `path`.

    Args:
        backend: auto, or tokenizers for the library alone.
    """
    library = LibraryEncoder(path, max_length)
    content = read(path)
    texts = proven(content) if backend == "auto" else None
    if texts is None:
        log.info("tokenizing with the tokenizers library")
        return library
    try:
        import tokie
    except ImportError:
        log.warning("tokie is not installed: tokenizing with the tokenizers library, which takes longer")
        return library
    with tempfile.TemporaryDirectory(prefix="processing-") as folder:
        lean = Path(folder) / TOKENIZER_FILE
        lean.write_text(json.dumps({**content, **LEAN}))
        fast = tokie.Tokenizer.from_json(str(lean))
    try:
        return TokieEncoder(library, fast, texts)
    except DifferenceError:
        log.error("tokie and tokenizers differ on a probe: tokenizing with the tokenizers library, which takes longer")
        return library


class DifferenceError(Exception):
    """tokie and the library gave different ids for a proven text: no row of tokie's is to be trusted."""


class TokieEncoder:
    """tokie for texts of the proven alphabet, the library for the others. Several threads may encode.

    Attributes:
        fast_rows, library_rows: how many rows each encoded.
        checked: rows that both encoded, and alike: a difference stops the job.
    """

    def __init__(self, library: LibraryEncoder, fast: Any, texts: Proven) -> None:
        self.library = library
        self.texts = texts
        self.fast = fast
        self.fast_rows = self.library_rows = self.checked = 0
        around = np.array(library.tokenizer.encode("").ids, np.int32)
        self._counting = threading.Lock()
        self._chance = random.Random(0)  # noqa: S311 (no secret hangs on it)
        self._before, self._after = np.split(around, [library.special.before])
        probes = list(compress(PROBES, texts.holds(to_texts(PROBES))))
        self._check(probes, self._encode_fast(probes))

    def encode(self, texts: pa.Array) -> Tokens:
        """The tokens of `texts` (strings without nulls), in order.

        Raises:
            DifferenceError: a row of the sample has other ids than the library gives it.
        """
        safe = self.texts.holds(texts)
        rows = to_list(texts)
        fast, others = list(compress(rows, safe.tolist())), list(compress(rows, (~safe).tolist()))
        if not fast:
            return self._by_library(others)
        tokens = self._by_tokie(fast)
        return interleave(tokens, self._by_library(others), safe) if others else tokens

    def summary(self) -> dict[str, int]:
        """Which path took how many rows, for the report."""
        return {
            "tokie_rows": self.fast_rows,
            "tokenizers_rows": self.library_rows,
            "compared_rows": self.checked,
        }

    def _by_library(self, texts: Sequence[str]) -> Tokens:
        with self._counting:
            self.library_rows += len(texts)
        return self.library.tokens(texts)

    def _by_tokie(self, texts: Sequence[str]) -> Tokens:
        tokens = self._encode_fast(texts)
        self._sample(texts, tokens)
        with self._counting:
            self.fast_rows += len(texts)
        return tokens

    def _encode_fast(self, texts: Sequence[str]) -> Tokens:
        ids, counts = self.fast.encode_batch_flat(list(texts), add_special_tokens=False)
        library = self.library
        full = counts.astype(np.int32)
        return framed(ids.view(np.int32), full, self._before, self._after, library.max_length, library.side)

    def _sample(self, texts: Sequence[str], tokens: Tokens) -> None:
        """Compare some rows, chosen by chance, more of them at the start."""
        wanted = SAMPLE if self.checked > len(PROBES) else FIRST_SAMPLE
        rows = np.array(sorted(self._chance.sample(range(len(texts)), min(wanted, len(texts)))), np.int64)
        self._check([texts[row] for row in rows], gather(tokens, rows))

    def _check(self, texts: Sequence[str], tokens: Tokens) -> None:
        expected = self.library.tokens(texts)
        with self._counting:
            self.checked += len(texts)
        if not np.array_equal(tokens.lengths, expected.lengths) or not np.array_equal(tokens.ids, expected.ids):
            raise DifferenceError


def framed(
    ids: NDArray[np.int32],
    counts: NDArray[np.int32],
    before: NDArray[np.int32],
    after: NDArray[np.int32],
    limit: int,
    side: str,
) -> Tokens:
    """Rows cut so that with special tokens before and after they have at most `limit` tokens.

    Args:
        ids: of all rows, one after another, without special tokens.
        counts: how many of each row.
        side: where a row that is too long loses tokens, right or left.
    """
    special = len(before) + len(after)
    kept = np.minimum(counts, limit - special)
    lengths = (kept + special).astype(np.int32)
    ends = np.cumsum(lengths, dtype=np.int64)
    whole: NDArray[np.int32] = np.empty(int(lengths.sum()), np.int32)
    # Row by row: a mask over all tokens takes ten times as long.
    places = ends - lengths + len(before)
    starts = np.cumsum(counts, dtype=np.int64) - (kept if side == "left" else counts)
    for place, start, keep in zip(places.tolist(), starts.tolist(), kept.tolist(), strict=True):
        whole[place : place + keep] = ids[start : start + keep]
    for offset, token in enumerate(before):
        whole[ends - lengths + offset] = token
    for offset, token in enumerate(after):
        whole[ends - len(after) + offset] = token
    return Tokens(whole, lengths, counts + np.int32(special))


def interleave(chosen: Tokens, others: Tokens, is_chosen: NDArray[np.bool_]) -> Tokens:
    """One batch of two: rows of `chosen` where `is_chosen`, rows of `others` elsewhere.

    Run by run of rows that come from the same one: where few rows change sides, as good as one copy.
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
