"""PairEncoder: tokenizes pairs of texts to one row each, truncated by one of the tokenizer's strategies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from contract.failures import UserError
from contract.pairs import SHORT, Counts, Template, kept_lengths, template_of
from processing.tokenizing.encoder import PROBE, Encoder, LibraryEncoder
from processing.tokenizing.token_types import asks_for_types
from processing.tokenizing.tokens import SpecialTokens, Tokens

# The texts of a pair are tokenized whole, and truncated together.
NO_LIMIT = int(np.iinfo(np.int32).max)


@dataclass(frozen=True)
class PairEncoder:
    """Tokenizes pairs: each text by the encoder of single texts, both joined as the tokenizer joins them; thread-safe.

    Attributes:
        single: encoder of single texts, without truncation.
        special: special tokens that it adds to each, which are removed.
        template: what is added to a pair instead.
        max_length: longest row in tokens, special tokens included.
        strategy: longest_first, only_first or only_second.
        side: side on which texts are truncated, right or left.
        has_types: whether rows get token_type_ids.
    """

    single: Encoder
    special: SpecialTokens
    template: Template
    max_length: int
    strategy: str
    side: str
    has_types: bool

    def encode(self, texts: pa.Array, pairs: pa.Array) -> Tokens:
        """Tokenize pairs, of which `texts` and `pairs` (strings without nulls) are the first and second texts.

        A row whose one text leaves no room for the one that is to be truncated stays longer than max_length.
        """
        first, second = self.single.encode(texts), self.single.encode(pairs)
        added = self.special.before + self.special.after
        counts = first.lengths - np.int32(added), second.lengths - np.int32(added)
        kept = kept_lengths(*counts, self.max_length - self.template.added, self.strategy)
        tokens = [self.cut(each, count) for each, count in zip((first, second), kept, strict=True)]
        whole = joined(tokens, kept, self.template, self.has_types)
        return Tokens(whole.ids, whole.lengths, counts[0] + counts[1] + np.int32(self.template.added), whole.types)

    def cut(self, tokens: Tokens, kept: Counts) -> list[NDArray[np.int32]]:
        """The first `kept` token ids of each row, or with truncation on the left the last ones, no special tokens."""
        ends = np.cumsum(tokens.lengths, dtype=np.int64)
        starts = ends - tokens.lengths + self.special.before
        if self.side == "left":
            starts = ends - self.special.after - kept
        # Slices of rows are ten times faster than a mask over all tokens.
        return [tokens.ids[start : start + count] for start, count in zip(starts.tolist(), kept.tolist(), strict=True)]

    def summary(self) -> dict[str, int]:
        """Numbers of texts encoded, two of a row, for report.json."""
        return self.single.summary()


def pair_encoder(library: LibraryEncoder, single: Encoder, max_length: int, strategy: str) -> PairEncoder:
    """Create the encoder of pairs for the tokenizer of `library`.

    Args:
        library: encoder of single texts that truncates none.
        single: a faster one of the same tokenizer, or `library`.
        strategy: --truncation.

    Raises:
        UserError: the tokenizer joins pairs in an unusual way, or `max_length` is too small.
    """
    path = library.path
    template = template_of(library.tokenizer)
    if template is None:
        raise UserError(unusual(path))
    least = template.added + 2
    if max_length < least:
        raise UserError(
            f"option --max-length is {max_length}, expected at least {least}: the tokenizer adds {template.added} "
            "special tokens to each pair of texts"
        )
    has_types = template.has_types and asks_for_types(path)
    found = PairEncoder(single, library.special, template, max_length, strategy, library.side, has_types)
    check(found, library, path)
    return found


def unusual(path: Path) -> str:
    """The error for a tokenizer that does not join pairs by special tokens before, between and after the texts."""
    return (
        f"option --text-pair-column is set, but tokenizer {path} joins two texts in an unusual way; expected special "
        "tokens only before, between and after them"
    )


def check(pairs: PairEncoder, library: LibraryEncoder, path: Path) -> None:
    """Compare some pairs with the tokenizers library's own; raises UserError if they differ."""
    # No longer than needed to be truncated: the library computes all combinations of the parts that it cuts off.
    long = " ".join(islice(cycle(PROBE.split()), pairs.max_length))
    probes = (SHORT, PROBE), ("", SHORT), (SHORT, long), (long, SHORT), (long, long)
    tokens = pairs.encode(pa.array([first for first, _ in probes]), pa.array([second for _, second in probes]))
    library.tokenizer.enable_truncation(pairs.max_length, strategy=pairs.strategy, direction=pairs.side)
    try:
        for row, (first, second) in enumerate(probes):
            if tokens.lengths[row] > pairs.max_length:
                continue
            expected, found = library.tokenizer.encode(first, second), tokens[row : row + 1]
            types = None if found.types is None else found.types.tolist()
            if found.ids.tolist() != expected.ids or types not in (None, expected.type_ids):
                raise UserError(unusual(path))
    finally:
        library.tokenizer.no_truncation()


def joined(
    texts: Sequence[list[NDArray[np.int32]]], kept: tuple[Counts, Counts], template: Template, has_types: bool
) -> Tokens:
    """Rows of the token ids of both `texts`, with the special tokens of `template`.

    Args:
        kept: number of tokens of each text.
    """
    before, between, after = (np.array(p.ids, np.int32) for p in (template.before, template.between, template.after))
    rows = [part for one, two in zip(*texts, strict=True) for part in (before, one, between, two, after)]
    lengths = kept[0] + kept[1] + np.int32(template.added)
    ids = np.concatenate(rows) if rows else np.empty(0, np.int32)
    return Tokens(ids, lengths, lengths, types_of(kept, template) if has_types else None)


def types_of(kept: tuple[Counts, Counts], template: Template) -> NDArray[np.int8]:
    """token_type_ids of all rows, concatenated."""
    parts = template.before, template.between, template.after
    runs = [*parts[0].types, template.types[0], *parts[1].types, template.types[1], *parts[2].types]
    repeats: NDArray[np.int32] = np.ones((len(kept[0]), len(runs)), np.int32)
    repeats[:, len(parts[0].types)] = kept[0]
    repeats[:, len(parts[0].types) + 1 + len(parts[1].types)] = kept[1]
    return np.repeat(np.tile(np.array(runs, np.int8), len(kept[0])), repeats.reshape(-1))
