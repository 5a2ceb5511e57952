"""PairEncoder: tokenizes pairs of texts to one row each, truncated by one of the tokenizer's strategies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tokenizers import Encoding

from contract.card import LONGEST_FIRST, ONLY_FIRST
from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.tokenizing.encoder import PROBE, Encoder, LibraryEncoder, SpecialTokens, Tokens
from processing.tokenizing.token_types import asks_for_types
from processing.tokenizing.tokie_encoder import TokieEncoder, encoder

# The texts of a pair are tokenized whole, and truncated together.
NO_LIMIT = int(np.iinfo(np.int32).max)
SHORT = "a quick probe"
Counts = NDArray[np.int32]


@dataclass(frozen=True)
class Part:
    """Special tokens of a pair, which stand together: their ids and token_type_ids."""

    ids: tuple[int, ...]
    types: tuple[int, ...]


@dataclass(frozen=True)
class Template:
    """What a tokenizer adds to a pair: special tokens before, between and after the texts.

    Attributes:
        types: token_type_ids of the tokens of each text.
    """

    before: Part
    between: Part
    after: Part
    types: tuple[int, int]

    @property
    def added(self) -> int:
        """Number of special tokens of a pair."""
        return len(self.before.ids) + len(self.between.ids) + len(self.after.ids)

    @property
    def has_types(self) -> bool:
        """Whether token_type_ids tell apart the two texts."""
        return self.types[0] != self.types[1]


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


def row_encoder(path: Path, options: ProcessingOptions) -> Encoder | PairEncoder:
    """Create the encoder of the rows of a job for the tokenizer.json `path`; raises UserError as `pair_encoder`."""
    if options.text_pair_column is None:
        return encoder(path, options.max_length, options.tokenizer_backend)
    return pair_encoder(path, options.max_length, options.tokenizer_backend, options.truncation)


def pair_encoder(path: Path, max_length: int, backend: str, strategy: str) -> PairEncoder:
    """Create the encoder of pairs for the tokenizer.json `path`; single texts are encoded as by `encoder`.

    Args:
        backend: --tokenizer-backend.
        strategy: --truncation.

    Raises:
        UserError: the tokenizer cannot be read or joins pairs in an unusual way, or `max_length` is too small.
    """
    single = encoder(path, NO_LIMIT, backend)
    library = single.library if isinstance(single, TokieEncoder) else single
    template = template_of(library.tokenizer.encode(PROBE, SHORT), path)
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


def template_of(probe: Encoding, path: Path) -> Template:
    """What the tokenizer of `path` adds to the pair `probe`.

    Raises:
        UserError: special tokens are within a text, or the second text comes first.
    """
    places = [place for place, text in enumerate(probe.sequence_ids) if text is not None]
    texts = [probe.sequence_ids[place] for place in places]
    first = texts.count(0)
    runs = places[:first], places[first:]
    if texts != sorted(texts) or any(run != list(range(run[0], run[-1] + 1)) for run in runs if run):
        raise UserError(unusual(path))
    (start, middle), (second, end) = ((run[0], run[-1] + 1) for run in runs)
    parts = [
        Part(tuple(probe.ids[place]), tuple(probe.type_ids[place]))
        for place in (slice(0, start), slice(middle, second), slice(end, None))
    ]
    return Template(parts[0], parts[1], parts[2], (probe.type_ids[start], probe.type_ids[second]))


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


def kept_lengths(first: Counts, second: Counts, room: int, strategy: str) -> tuple[Counts, Counts]:
    """How many tokens of each text are kept, as the tokenizers library decides it (truncate_encodings).

    Args:
        first, second: [rows], tokens of each text, without special tokens.
        room: most tokens of a pair, without special tokens.
        strategy: longest_first cuts the longer text to the length of the other one, then both to half of the room, of
            which the longer one gets the odd token. only_first and only_second cut one text, of which a token must
            stay; where none would, the lengths stay.
    """
    excess = np.maximum(first + second - np.int32(room), 0)
    if strategy == LONGEST_FIRST:
        shorter = np.minimum(first, second)
        longer = np.maximum(shorter, room - shorter)
        is_halved = shorter + longer > room
        shorter, longer = np.where(is_halved, room // 2, shorter), np.where(is_halved, room - room // 2, longer)
        is_swapped = first > second
        cut = np.where(is_swapped, longer, shorter), np.where(is_swapped, shorter, longer)
        fits = excess == 0
        return np.where(fits, first, cut[0]).astype(np.int32), np.where(fits, second, cut[1]).astype(np.int32)
    if strategy == ONLY_FIRST:
        return np.where(first > excess, first - excess, first), second
    return first, np.where(second > excess, second - excess, second)


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
