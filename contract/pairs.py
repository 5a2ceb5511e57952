"""Pairs of texts: their special tokens, and their truncation, as the tokenizers library has them.

The library's own truncation of a pair computes all combinations of the parts that it cuts off from both texts: memory
and time grow with the product of their lengths. So each text is tokenized alone, cut, and joined with the other here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from contract.card import LONGEST_FIRST, ONLY_FIRST

if TYPE_CHECKING:
    from tokenizers import Tokenizer

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
class PairRow:
    """One row of two texts.

    Attributes:
        ids: token ids, special tokens included.
        type_ids: token_type_ids, as many.
        truncated: whether tokens were cut off.
    """

    ids: list[int]
    type_ids: list[int]
    truncated: bool


@dataclass(frozen=True)
class PairJoiner:
    """Tokenizes pairs as the tokenizers library does.

    Attributes:
        template: what the tokenizer adds to a pair.
        max_length: longest row in tokens, special tokens included.
        strategy: longest_first, only_first or only_second.
        side: side on which texts are truncated, right or left.
    """

    template: Template
    max_length: int
    strategy: str
    side: str

    def encode(self, tokenizer: Tokenizer, pairs: Sequence[tuple[str, str]]) -> list[PairRow]:
        """Rows of `pairs`, by a tokenizer whose truncation and padding are off.

        A row whose one text leaves no room for the one that is to be truncated stays longer than max_length.
        """
        texts = [text for pair in pairs for text in pair]
        ids = [encoding.ids for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
        return [self.join(first, second) for first, second in zip(ids[::2], ids[1::2], strict=True)]

    def join(self, first: Sequence[int], second: Sequence[int]) -> PairRow:
        """The row of two texts' token ids without special tokens."""
        counts = np.array([len(first)], np.int32), np.array([len(second)], np.int32)
        room = self.max_length - self.template.added
        kept = [int(count[0]) for count in kept_lengths(*counts, room, self.strategy)]
        parts = [
            list(text[len(text) - count :] if self.side == "left" else text[:count])
            for text, count in zip((first, second), kept, strict=True)
        ]
        before, between, after = self.template.before, self.template.between, self.template.after
        one, two = self.template.types
        return PairRow(
            [*before.ids, *parts[0], *between.ids, *parts[1], *after.ids],
            [*before.types, *[one] * kept[0], *between.types, *[two] * kept[1], *after.types],
            sum(kept) < len(first) + len(second),
        )


def template_of(tokenizer: Tokenizer) -> Template | None:
    """What `tokenizer`, without truncation, adds to a pair; None if special tokens are within a text, or the second
    text comes first.
    """
    probe = tokenizer.encode(SHORT, SHORT)
    places = [place for place, text in enumerate(probe.sequence_ids) if text is not None]
    texts = [probe.sequence_ids[place] for place in places]
    first = texts.count(0)
    runs = places[:first], places[first:]
    if texts != sorted(texts) or any(run != list(range(run[0], run[-1] + 1)) for run in runs if run):
        return None
    (start, middle), (second, end) = ((run[0], run[-1] + 1) for run in runs)
    parts = [
        Part(tuple(probe.ids[place]), tuple(probe.type_ids[place]))
        for place in (slice(0, start), slice(middle, second), slice(end, None))
    ]
    return Template(parts[0], parts[1], parts[2], (probe.type_ids[start], probe.type_ids[second]))


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
