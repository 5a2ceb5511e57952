"""Progress of a request that is predicted in parts: its texts, their order and predictions; shares of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from inference.worker.request import Request, Text
from inference.worker.tokenization import Encoded

# Texts that are tokenized and sorted by length at a time: most of them, and most characters of them.
WINDOW_TEXTS, WINDOW_CHARACTERS = 1_024, 1 << 20
# Most characters of a window that is always tokenized in the next batch.
SHORT_CHARACTERS = 1 << 14


@dataclass
class Progress:
    """A decoded request, and how far it is predicted.

    Texts are predicted window by window, within a window longest first.

    Attributes:
        divisible: whether it may be predicted in parts. Else it is one window.
        start: index of the current window's first text.
        done: number of texts of the window that are predicted.
        truncated: number of truncated texts in earlier windows.
        rows: the tokenized texts of the window; empty until it is tokenized.
        predictions: that of each text; None where it is not predicted yet.
    """

    request: Request
    divisible: bool = False
    start: int = 0
    done: int = 0
    truncated: int = 0
    rows: list[Encoded] = field(default_factory=list)
    predictions: list[Any] = field(default_factory=list)
    _order: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.predictions = [None] * len(self.request.texts)

    def add(self, indices: Sequence[int], predictions: Sequence[Any]) -> None:
        """Add the predictions of the texts with the indices `indices` in the request."""
        for index, prediction in zip(indices, predictions, strict=True):
            self.predictions[index] = prediction

    def window(self) -> Request:
        """The request with the texts of the current window alone."""
        return replace(self.request, texts=self.request.texts[self.start : self._end()])

    def characters(self) -> int:
        """Characters of the current window."""
        return sum(map(characters, self.request.texts[self.start : self._end()]))

    def _end(self) -> int:
        """Index after the current window's last text."""
        return window_end(self.request.texts, self.start) if self.divisible else len(self.request.texts)

    def set_rows(self, rows: list[Encoded]) -> None:
        """Set the tokenized texts of the window."""
        self.rows = rows
        self._order = sorted(range(len(rows)), key=lambda index: -len(rows[index]))

    def lengths(self) -> list[int]:
        """Tokens of the window's texts that are left, in the order in which they are predicted."""
        return [len(self.rows[index]) for index in self._order[self.done :]]

    def take(self, count: int) -> tuple[list[int], list[Encoded]]:
        """Indices in the request, and rows, of the next `count` texts; they count as predicted from now on."""
        taken = self._order[self.done : self.done + count]
        self.done += count
        return [self.start + index for index in taken], [self.rows[index] for index in taken]

    def all_truncated(self) -> int:
        """Number of truncated texts up to the end of the window."""
        return self.truncated + sum(row.truncated for row in self.rows)

    def is_finished(self) -> bool:
        """Whether all texts are predicted; if only those of the window are, moves to the next window."""
        if self.done < len(self.rows):
            return False
        end = self._end()
        if end == len(self.request.texts):
            return True
        self.start, self.done, self.truncated = end, 0, self.all_truncated()
        self.set_rows([])
        return False


def window_end(texts: Sequence[Text], start: int) -> int:
    """Index after the last text of the window that begins at `start`; it has one text at least."""
    total = 0
    for index in range(start, min(start + WINDOW_TEXTS, len(texts))):
        total += characters(texts[index])
        if total > WINDOW_CHARACTERS and index > start:
            return index
    return min(start + WINDOW_TEXTS, len(texts))


def characters(text: Text) -> int:
    """Characters of a text or pair."""
    return len(text.text) + len(text.pair or "")


def to_tokenize(waiting: Sequence[Progress]) -> list[int]:
    """Which requests are tokenized in this batch, by their indices; the others are in a later one.

    They are the first one, short ones, those that cannot be divided, and as many others as have at most
    WINDOW_CHARACTERS in their windows. Otherwise no request would be answered while 32 long windows are tokenized.
    """
    chosen: list[int] = []
    total = 0
    for index, progress in enumerate(waiting):
        more = progress.characters()
        is_small = more <= SHORT_CHARACTERS or total + more <= WINDOW_CHARACTERS
        if is_small or not chosen or not progress.divisible:
            chosen.append(index)
            total += more
    return chosen


def shares(lengths: Sequence[Sequence[int]], budget: int) -> list[int]:
    """How many of their next texts several requests get into one batch, by max-min fairness.

    A request with fewer tokens than its equal share of the budget gets all of its texts in, and leaves the rest of
    its share to the others. Each gets one text at least, so that none waits for longer than a batch.

    Args:
        lengths: for each request the tokens of its texts, in the order in which they are predicted.
        budget: tokens of all requests together.
    """
    left, counts = budget, [0] * len(lengths)
    by_tokens = sorted(range(len(lengths)), key=lambda index: sum(lengths[index]))
    for position, index in enumerate(by_tokens):
        share = max(left, 0) / (len(by_tokens) - position)
        counts[index], tokens = fitting(lengths[index], share)
        left -= tokens
    return counts


def fitting(lengths: Sequence[int], share: float) -> tuple[int, int]:
    """How many of the first texts fit into `share` tokens, at least one, and their tokens."""
    tokens = 0
    for count, length in enumerate(lengths):
        if count and tokens + length > share:
            return count, tokens
        tokens += length
    return len(lengths), tokens
