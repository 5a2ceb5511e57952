"""FastEncoder: tokenizes with nanotoken or tokie where they give the tokenizers library's ids, and checks a sample.

nanotoken (WordPiece) and tokie (byte-level BPE) take a tenth and less of the tokenizers library's time. They encode
only with tokenizers of a structure, and only texts, for which they are proven to give the same ids
(processing/tokenizing/fast_support.py). The library encodes all other texts, and a sample of theirs to compare.
"""

from __future__ import annotations

import json
import logging
import random
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from contract.failures import is_panic
from contract.tokenizer import TOKENIZER_FILE, read
from processing.arrays import to_list, to_texts
from processing.tokenizing.encoder import LibraryEncoder
from processing.tokenizing.fast_support import NANOTOKEN, TOKIE, ProvenTexts, proven
from processing.tokenizing.tokens import Tokens, gather, interleave, with_special_tokens

log = logging.getLogger(__name__)

FIRST_SAMPLE, SAMPLE = 16, 1
# Characters of a text that are compared.
MOST_COMPARED = 100_000
# Left out of tokie's tokenizer.json: it gets no text with an added token, and searching for them takes a twelfth of
# its time; truncation and padding are done here.
LEAN: dict[str, Any] = {"added_tokens": [], "truncation": None, "padding": None}
# Words that each thread of nanotoken caches, in about 33 MB; a million is no faster. For small input half as many: to
# fill more takes longer than it saves.
CACHED_WORDS, FEW_CACHED_WORDS = 1 << 18, 1 << 17
SMALL_INPUT_BYTES = 64 * 1024 * 1024
# Texts that are compared before the first row.
PROBES = (
    "",
    " ",
    "Hello, World!! It's 100% \u00e9t\u00e9\tna\u00efve \u2014 \u201cquoted\u201d <br /><br />",
    "a" * 120 + " b " + "supercalifragilistic" * 12,
    "#hash ##double @user http://x.y/z?a=1&b=2 C++ 3.14 1,000 \u00a31.50 \u20ac",
    "[CLS [SEP CLS] ] [ unused",
)

# Tokenizes texts without special tokens: the ids (int32) of all texts, concatenated, and their number for each text.
Fast = Callable[[Sequence[str]], tuple[NDArray[np.int32], NDArray[np.int32]]]


def encoder(library: LibraryEncoder, backend: str, size: int | None = None) -> LibraryEncoder | FastEncoder:
    """Create the encoder for the tokenizer of `library`: a fast one if it is proven for it and installed.

    Args:
        backend: --tokenizer-backend: auto, or tokenizers for the library alone.
        size: bytes of the input files, if they are known.
    """
    texts = proven(read(library.path)) if backend == "auto" else None
    if texts is None:
        log.info("tokenizing with the tokenizers library")
        return library
    try:
        return FastEncoder(library, FAST[texts.library](library.path, size), texts)
    except ImportError:
        log.warning("%s is not installed: tokenizing with the tokenizers library, which is slower", texts.library)
    except ValueError as error:
        log.info("tokenizing with the tokenizers library, since %s does not support: %s", texts.library, error)
    except DifferenceError:
        log.error(
            "%s and tokenizers differ on a probe: tokenizing with the tokenizers library, which is slower",
            texts.library,
        )
    return library


def nanotoken(path: Path, size: int | None = None) -> Fast:
    """nanotoken with the tokenizer.json `path`.

    Args:
        size: bytes of the input files, if they are known.

    Raises:
        ImportError: it is not installed.
        ValueError: it does not support a part of the tokenizer, such as an unusual post-processor.
    """
    import nanotoken as library

    is_small = size is not None and size <= SMALL_INPUT_BYTES
    library.set_cache_entries(FEW_CACHED_WORDS if is_small else CACHED_WORDS)
    tokenizer = library.WordPieceTokenizer.from_json(path.read_bytes())

    def encode(texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        # In the calling thread: the job's own threads use all cores.
        ids, offsets = tokenizer.encode_batch(texts, add_special_tokens=False, parallel=False)
        return ids.view(np.int32), np.diff(offsets).astype(np.int32)

    return encode


def tokie(path: Path, _size: int | None = None) -> Fast:
    """tokie with the tokenizer.json `path`; raises ImportError if it is not installed."""
    import tokie as library

    lean = {**read(path), **LEAN}
    with tempfile.TemporaryDirectory(prefix="processing-") as folder:
        file = Path(folder) / TOKENIZER_FILE
        file.write_text(json.dumps(lean))
        tokenizer: Any = library.Tokenizer.from_json(str(file))

    def encode(texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        ids, counts = tokenizer.encode_batch_flat(list(texts), add_special_tokens=False)
        return ids.view(np.int32), counts.astype(np.int32)

    return encode


FAST: Mapping[str, Callable[[Path, int | None], Fast]] = {NANOTOKEN: nanotoken, TOKIE: tokie}


class DifferenceError(Exception):
    """The fast library gave other ids than tokenizers for a proven text, so none of its rows can be used."""


class FastEncoder:
    """Tokenizes proven texts with a fast library, and others with the tokenizers library; thread-safe.

    Args:
        library: encoder with the tokenizers library.
        fast: tokenizes with the fast library and the same tokenizer.json.
        texts: the texts that the fast library is proven for.

    Attributes:
        fast_rows, library_rows: number of rows encoded by the fast library and by tokenizers.
        checked: number of rows encoded by both and compared.

    Raises:
        DifferenceError: both libraries differ on one of PROBES, or on an added token.
    """

    def __init__(self, library: LibraryEncoder, fast: Fast, texts: ProvenTexts) -> None:
        self.library = library
        self.texts = texts
        self.fast = fast
        self.fast_rows = self.library_rows = self.checked = 0
        around = np.array(library.tokenizer.encode("").ids, np.int32)
        self._counting = threading.Lock()
        self._random = random.Random(0)  # noqa: S311 (not a secret)
        self._before, self._after = np.split(around, [library.special.before])
        # tokenizers gives an added token another id than tokenizer.json states if that is not the next free one.
        candidates = (*PROBES, *texts.added, " ".join(texts.added))
        probes = list(compress(candidates, texts.holds(to_texts(candidates))))
        self._compare(probes)
        self.checked = self._probes = len(probes)

    def encode(self, texts: pa.Array) -> Tokens:
        """Tokenize an Arrow array of strings without nulls.

        Raises:
            DifferenceError: both libraries differ on a row of the sample.
        """
        rows = to_list(texts)
        safe = self.texts.holds(texts)
        if safe.all():
            return self._by_fast(rows)
        fast, others = list(compress(rows, safe.tolist())), list(compress(rows, (~safe).tolist()))
        tokens = self._by_library(others)
        return interleave(self._by_fast(fast), tokens, safe) if fast else tokens

    def summary(self) -> dict[str, Any]:
        """The fast library, and numbers of rows encoded by it and by tokenizers, and compared, for report.json."""
        return {
            "fast_library": self.texts.library,
            "fast_rows": self.fast_rows,
            "tokenizers_rows": self.library_rows,
            "compared_rows": self.checked,
        }

    def _by_library(self, texts: Sequence[str]) -> Tokens:
        with self._counting:
            self.library_rows += len(texts)
        return self.library.tokens(texts)

    def _by_fast(self, texts: Sequence[str]) -> Tokens:
        tokens = self._encode_fast(texts)
        self._sample(texts, tokens)
        with self._counting:
            self.fast_rows += len(texts)
        return tokens

    def _encode_fast(self, texts: Sequence[str]) -> Tokens:
        ids, counts = self.fast(texts)
        limit, side = self.library.max_length, self.library.side
        return with_special_tokens(ids, counts, self._before, self._after, limit, side)

    def _sample(self, texts: Sequence[str], tokens: Tokens) -> None:
        """Compare a random sample of rows, which is larger for the first batch."""
        size = SAMPLE if self.checked > self._probes else FIRST_SAMPLE
        rows = np.array(sorted(self._random.sample(range(len(texts)), min(size, len(texts)))), np.int64)
        chosen = [texts[row] for row in rows]
        if max(map(len, chosen), default=0) > MOST_COMPARED:
            # The library takes seconds for a text of megabytes, and every such text is a batch of its own.
            chosen = [text[:MOST_COMPARED] for text in chosen]
            self._check(chosen, self._encode_fast(chosen))
        else:
            self._check(chosen, gather(tokens, rows))

    def _compare(self, texts: Sequence[str]) -> None:
        """Compare the ids of whole texts, not truncated; raises DifferenceError."""
        ids, counts = self.fast(texts)
        found = [part.tolist() for part in np.split(ids, np.cumsum(counts)[:-1])]
        try:
            rows = self.library.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        except BaseException as error:
            # tokenizers panics on some texts if an added token is one that the normalizer removes.
            if not is_panic(error):
                raise
            raise DifferenceError from None
        if found != [row.ids for row in rows]:
            raise DifferenceError

    def _check(self, texts: Sequence[str], tokens: Tokens) -> None:
        expected = self.library.tokens(texts)
        with self._counting:
            self.checked += len(texts)
        if not np.array_equal(tokens.lengths, expected.lengths) or not np.array_equal(tokens.ids, expected.ids):
            raise DifferenceError
