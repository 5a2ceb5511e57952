"""FirstTexts: finds the first row of each text while rows are read, for --drop-duplicates without a pass of its own.

A hash table with open addressing and linear probing (Knuth, The Art of Computer Programming, volume 3, 6.4) over numpy
arrays; its keys are the 128-bit hashes of normalized texts.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from contract.machine import CGROUP, memory
from processing.across_rows.marks import replaced
from processing.across_rows.text_keys import Keys, text_keys
from processing.arrays import take, to_numpy
from processing.rows.filters import Outcome

FIRST_SLOTS = 1 << 16
# Share of the slots that are in use before their number doubles.
MOST_LOAD = 0.6
# Share of the container's memory for the table, and bytes of a key: while it doubles, the old slots are there too.
MEMORY_SHARE, KEY_BYTES = 0.2, 80


class TooManyTextsError(RuntimeError):
    """There are more texts than the table may hold: the job starts again, with a pass that sorts on disk."""


def most_texts(cgroup: Path = CGROUP) -> int:
    """Number of texts for which there is memory."""
    return int(memory(cgroup) * MEMORY_SHARE / KEY_BYTES)


class FirstTexts:
    """The texts so far, by their 128-bit keys.

    Args:
        most: largest number of texts.
        column: name of the column of texts.
    """

    def __init__(self, most: int, column: str = "text") -> None:
        self.most, self.texts = most, 0
        self._column = column
        self._slots = np.zeros((FIRST_SLOTS, 2), np.uint64)

    def marked(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """`batch` with the outcome DUPLICATE in rows that would be kept and whose text an earlier row has.

        Args:
            batch: the next rows, with the columns outcome and `column`.

        Raises:
            TooManyTextsError: there are more than `most` texts.
        """
        kept = np.flatnonzero(to_numpy(batch.column("outcome"), np.uint8) == Outcome.KEPT)
        texts = batch.column(self._column)
        rows = kept[~self.add(text_keys(texts if len(kept) == len(texts) else take(texts, kept)))]
        outcomes = np.full(len(rows), Outcome.DUPLICATE, np.uint8)
        return replaced(batch, "outcome", rows, outcomes, np.ones(len(rows), np.bool_)) if len(rows) else batch

    def add(self, keys: Keys) -> NDArray[np.bool_]:
        """Add `keys` [rows, 2]; returns which of them are new, each at its first row.

        Raises:
            TooManyTextsError: there are more than `most`.
        """
        # A slot of zeros is empty.
        keys = np.where((keys == 0).all(axis=1, keepdims=True), np.uint64(1), keys)
        while self.texts + len(keys) > MOST_LOAD * len(self._slots):
            self._double()
        order = np.lexsort((keys[:, 1], keys[:, 0]))
        ordered = keys[order]
        is_first = np.ones(len(keys), np.bool_)
        is_first[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
        is_new = np.zeros(len(keys), np.bool_)
        is_new[order[is_first]] = self._insert(ordered[is_first])
        self.texts += int(is_new.sum())
        if self.texts > self.most:
            raise TooManyTextsError
        return is_new

    def _insert(self, keys: Keys) -> NDArray[np.bool_]:
        """Insert different `keys`; returns which of them were not there."""
        slots, mask = self._slots, np.uint64(len(self._slots) - 1)
        is_new = np.zeros(len(keys), np.bool_)
        left, places = np.arange(len(keys)), keys[:, 0] & mask
        while len(left):
            found = slots[places]
            is_empty = (found == 0).all(axis=1)
            # Of several keys for one slot the last one is written; the others look further.
            slots[places[is_empty]] = keys[left[is_empty]]
            is_there = (slots[places] == keys[left]).all(axis=1)
            is_new[left[is_empty & is_there]] = True
            left, places = left[~is_there], (places[~is_there] + np.uint64(1)) & mask
        return is_new

    def _double(self) -> None:
        old = self._slots
        self._slots = np.zeros((2 * len(old), 2), np.uint64)
        for start in range(0, len(old), FIRST_SLOTS):
            part = old[start : start + FIRST_SLOTS]
            self._insert(part[(part != 0).any(axis=1)])
