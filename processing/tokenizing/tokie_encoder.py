"""TokieEncoder: tokenizes with tokie where it gives the same ids as the tokenizers library, and checks a sample.

tokie is about ten times as fast, but gives other ids than the tokenizers library for some characters and
some tokenizers. So it encodes only texts of proven characters with tokenizers of a proven structure
(processing/tokenizing/tokie_support.py). The library encodes all other texts, and a sample of tokie's
to compare.
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
from processing.tokenizing.encoder import LibraryEncoder, Tokens, gather
from processing.tokenizing.tokie_support import ProvenTexts, proven

log = logging.getLogger(__name__)

FIRST_SAMPLE, SAMPLE = 16, 1
# Characters of a text that are compared.
MOST_COMPARED = 100_000
# Left out of tokie's tokenizer.json: it gets no text with an added token, and searching for them takes a twelfth of
# its time; truncation and padding are done here.
LEAN: dict[str, Any] = {"added_tokens": [], "truncation": None, "padding": None}
# Texts that are compared before the first row.
PROBES = (
    "",
    " ",
    "Hello, World!! It's 100% \u00e9t\u00e9\tna\u00efve \u2014 \u201cquoted\u201d <br /><br />",
    "a" * 120 + " b " + "supercalifragilistic" * 12,
    "#hash ##double @user http://x.y/z?a=1&b=2 C++ 3.14 1,000 \u00a31.50 \u20ac",
    "[CLS [SEP CLS] ] [ unused",
)


def encoder(path: Path, max_length: int, backend: str) -> LibraryEncoder | TokieEncoder:
    """Create the encoder for the tokenizer.json `path`: tokie if it is proven for it and installed, else tokenizers.

    Args:
        backend: --tokenizer-backend: auto, or tokenizers for the library alone.
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
        log.warning("tokie is not installed: tokenizing with the tokenizers library, which is slower")
        return library
    with tempfile.TemporaryDirectory(prefix="processing-") as folder:
        lean = Path(folder) / TOKENIZER_FILE
        lean.write_text(json.dumps({**content, **LEAN}))
        fast = tokie.Tokenizer.from_json(str(lean))
    try:
        return TokieEncoder(library, fast, texts)
    except DifferenceError:
        log.error("tokie and tokenizers differ on a probe: tokenizing with the tokenizers library, which is slower")
        return library


class DifferenceError(Exception):
    """tokie and the library gave different ids for a proven text, so none of tokie's rows can be used."""


class TokieEncoder:
    """Tokenizes proven texts with tokie, and others with the tokenizers library; thread-safe.

    Args:
        library: encoder with the tokenizers library.
        fast: tokie.Tokenizer of the same tokenizer.json.
        texts: the texts that tokie is proven for.

    Attributes:
        fast_rows, library_rows: number of rows encoded by tokie and by the library.
        checked: number of rows encoded by both and compared.

    Raises:
        DifferenceError: tokie and the library differ on one of PROBES.
    """

    def __init__(self, library: LibraryEncoder, fast: Any, texts: ProvenTexts) -> None:
        self.library = library
        self.texts = texts
        self.fast = fast
        self.fast_rows = self.library_rows = self.checked = 0
        around = np.array(library.tokenizer.encode("").ids, np.int32)
        self._counting = threading.Lock()
        self._random = random.Random(0)  # noqa: S311 (not a secret)
        self._before, self._after = np.split(around, [library.special.before])
        probes = list(compress(PROBES, texts.holds(to_texts(PROBES))))
        self._check(probes, self._encode_fast(probes))

    def encode(self, texts: pa.Array) -> Tokens:
        """Tokenize an Arrow array of strings without nulls.

        Raises:
            DifferenceError: tokie and the library differ on a row of the sample.
        """
        safe = self.texts.holds(texts)
        rows = to_list(texts)
        fast, others = list(compress(rows, safe.tolist())), list(compress(rows, (~safe).tolist()))
        if not fast:
            return self._by_library(others)
        tokens = self._by_tokie(fast)
        return interleave(tokens, self._by_library(others), safe) if others else tokens

    def summary(self) -> dict[str, int]:
        """Numbers of rows encoded by tokie and by the library, and compared, for report.json."""
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
        return with_special_tokens(
            ids.view(np.int32), full, self._before, self._after, library.max_length, library.side
        )

    def _sample(self, texts: Sequence[str], tokens: Tokens) -> None:
        """Compare a random sample of rows, which is larger for the first batch."""
        size = SAMPLE if self.checked > len(PROBES) else FIRST_SAMPLE
        rows = np.array(sorted(self._random.sample(range(len(texts)), min(size, len(texts)))), np.int64)
        chosen = [texts[row] for row in rows]
        if max(map(len, chosen), default=0) > MOST_COMPARED:
            # The library takes seconds for a text of megabytes, and every such text is a batch of its own.
            chosen = [text[:MOST_COMPARED] for text in chosen]
            self._check(chosen, self._encode_fast(chosen))
        else:
            self._check(chosen, gather(tokens, rows))

    def _check(self, texts: Sequence[str], tokens: Tokens) -> None:
        expected = self.library.tokens(texts)
        with self._counting:
            self.checked += len(texts)
        if not np.array_equal(tokens.lengths, expected.lengths) or not np.array_equal(tokens.ids, expected.ids):
            raise DifferenceError


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
