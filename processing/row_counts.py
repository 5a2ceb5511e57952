"""Counts, Statistics, JobCounts: row counts of files and job, statistics of written rows, checks at the job's end."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from contract.card import RowCounts
from contract.failures import UserError
from processing.arrays import list_values, to_numpy
from processing.equal_texts import EqualTexts
from processing.options import ProcessingOptions
from processing.rows.filters import FILTERED, REJECTED, Outcome
from processing.rows.split import SPLITS
from processing.tokenizing.tokens import Tokens

# Row lengths in tokens are counted exactly up to this one, so percentiles are exact and memory is constant.
LONGEST_COUNTED = 65_536

log = logging.getLogger(__name__)


@dataclass
class Counts:
    """Row counts by outcome, of one file or of all. Rows of other hosts are not part of `read`.

    `rejected_classes` are the rejected rows whose class is known, by its number.
    """

    kept: int = 0
    filtered: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    other_hosts: int = 0
    read: int = 0
    rejected_classes: Counter[int] = field(default_factory=Counter)

    def add(self, outcome: Outcome, rows: int) -> None:
        """Count `rows` rows with the outcome `outcome`."""
        if outcome is Outcome.BLANK_LINE:
            return
        if outcome is Outcome.OTHER_HOST:
            self.other_hosts += rows
            return
        self.read += rows
        if outcome is Outcome.KEPT:
            self.kept += rows
        elif outcome in FILTERED:
            self.filtered[FILTERED[outcome]] += rows
        else:
            self.rejected[REJECTED[outcome]] += rows

    def filter(self, outcome: Outcome, rows: int) -> None:
        """Count `rows` rows as filtered that were counted as kept before."""
        if rows:
            self.kept -= rows
            self.filtered[FILTERED[outcome]] += rows

    def merge(self, other: Counts) -> None:
        """Add the counts of `other`."""
        self.kept += other.kept
        # Of most files there is nothing to add, and Counter.update takes a microsecond also for that.
        if other.filtered:
            self.filtered.update(other.filtered)
        if other.rejected:
            self.rejected.update(other.rejected)
        if other.rejected_classes:
            self.rejected_classes.update(other.rejected_classes)
        self.other_hosts += other.other_hosts
        self.read += other.read

    def as_json(self) -> dict[str, Any]:
        """The counts for report.json."""
        return {
            "read": self.read,
            "kept": self.kept,
            "filtered": dict(self.filtered),
            "rejected": dict(self.rejected),
            "other_hosts": self.other_hosts,
        }

    def in_words(self) -> str:
        """The counts in words, for errors and logs."""
        parts = [f"{rows} filtered ({reason})" for reason, rows in self.filtered.items()]
        parts += [f"{rows} rejected ({reason})" for reason, rows in self.rejected.items()]
        return ", ".join([f"{self.read} rows read", f"{self.kept} kept", *parts])

    def rows(self) -> RowCounts:
        """The counts in the form of the card."""
        return RowCounts(self.read, self.kept, dict(self.filtered), dict(self.rejected))


@dataclass
class Numbers:
    """Labels of regression: how many, their sum, the smallest and the largest."""

    rows: int = 0
    total: float = 0.0
    smallest: float = float("inf")
    largest: float = float("-inf")

    def add(self, values: NDArray[np.float32]) -> None:
        """Count the labels of a batch, which is not empty."""
        self.rows += len(values)
        self.total += float(values.sum(dtype=np.float64))
        self.smallest = min(self.smallest, float(values.min()))
        self.largest = max(self.largest, float(values.max()))


def class_numbers(labels: pa.Array) -> NDArray[np.int64]:
    """Numbers of the classes or labels of rows, to be counted: each label of a row for itself, of numbers all alike."""
    if isinstance(labels, pa.ListArray):
        flags = to_numpy(list_values(labels), np.float32).reshape(len(labels), -1)
        return np.nonzero(flags)[1]
    if pa.types.is_floating(labels.type):
        return np.zeros(len(labels), dtype=np.int64)
    return to_numpy(labels, np.int64)


@dataclass
class Statistics:
    """Statistics of the kept rows.

    Attributes:
        rows: number of rows by split.
        classes: number of rows by split and class number.
        numbers: of the labels of regression by split; empty for classes.
        truncated: number of rows that were truncated.
        tokens: number of tokens that were written.
        repeated: number of rows that were written again, for --upsample.
        repeated_labels: number of rows that name one of their labels several times.
        full_lengths: int64, at index i the number of rows with i tokens before truncation.
    """

    rows: Counter[str] = field(default_factory=Counter)
    classes: dict[str, Counter[int]] = field(default_factory=lambda: {name: Counter() for name in SPLITS})
    numbers: dict[str, Numbers] = field(default_factory=dict)
    truncated: int = 0
    tokens: int = 0
    repeated: int = 0
    repeated_labels: int = 0
    full_lengths: NDArray[np.int64] = field(default_factory=lambda: np.zeros(LONGEST_COUNTED + 1, np.int64))

    def add_rows(self, split: str, rows: int, labels: pa.Array | None) -> None:
        """Count `rows` rows of a split; `labels` is None without labels."""
        self.rows[split] += rows
        if labels is not None:
            self.add_labels(split, labels)

    def add_repeats(self, rows: int, labels: int) -> None:
        """Count rows of a batch that are copies, and rows that name a label several times."""
        self.repeated += rows
        self.repeated_labels += labels

    def add_tokens(self, tokens: Tokens) -> None:
        """Count the tokens of a batch."""
        self.truncated += int((tokens.full_lengths > tokens.lengths).sum())
        self.tokens += int(tokens.lengths.sum())
        clipped = np.minimum(tokens.full_lengths, LONGEST_COUNTED)
        self.full_lengths += np.bincount(clipped, minlength=LONGEST_COUNTED + 1)

    def add_labels(self, split: str, labels: pa.Array) -> None:
        """Count the labels of rows of a split."""
        self.add_classes(split, class_numbers(labels))
        if pa.types.is_floating(labels.type):
            self.numbers.setdefault(split, Numbers()).add(to_numpy(labels, np.float32))

    def add_classes(self, split: str, numbers: NDArray[np.int64]) -> None:
        """Count the class numbers of rows of a split."""
        values, counts = np.unique(numbers, return_counts=True)
        self.classes[split].update(dict(zip(values.tolist(), counts.tolist(), strict=True)))


@dataclass
class JobCounts:
    """Row counts and statistics of a job.

    Attributes:
        by_file: row counts of each file, by its name.
        statistics: statistics of the rows that were written.
        equal_texts: counts of kept rows with equal texts.
    """

    by_file: dict[str, Counts] = field(default_factory=dict)
    statistics: Statistics = field(default_factory=Statistics)
    equal_texts: EqualTexts = field(default_factory=EqualTexts)

    def total(self) -> Counts:
        """Row counts over all files."""
        total = Counts()
        for counts in self.by_file.values():
            total.merge(counts)
        return total

    def check(self, options: ProcessingOptions, hosts: int) -> None:
        """Check that the counts add up, and that rows are left to train on.

        Raises:
            RuntimeError: the counts do not add up, which is a bug.
            UserError: no row is left, or none to train on; with several hosts, one host may have none.
        """
        counts = self.total()
        for name, part in {**self.by_file, "all files": counts}.items():
            if not part.rows().balanced():
                raise RuntimeError(f"{name}: rows read are not kept + filtered + rejected: {part.as_json()}")
        written = sum(self.statistics.rows.values())
        repeated = self.statistics.repeated
        if written != counts.kept + repeated:
            raise RuntimeError(f"{counts.kept} rows were kept and {repeated} repeated, but {written} written")
        if hosts == 1 and options.unlabelled and not written:
            raise UserError(f"no row is left: {counts.in_words()}")
        if hosts == 1 and not options.unlabelled and not self.statistics.rows["train"]:
            raise UserError(f"no row is left to train on: {counts.in_words()}")
        if not counts.kept:
            log.warning("no row is left on this host: %s", counts.in_words())

    def check_rejects(self, most: float | None, first: str) -> None:
        """Check that no more rows were rejected than --max-rejects allows.

        Args:
            most: --max-rejects: below 1 a share of the rows read, else a number of rows; None for no limit.
            first: the first rejected row in words; empty if it is not known. It is named in the error, since a failed
                job writes no rejects.jsonl.

        Raises:
            UserError: more rows were rejected.
        """
        counts = self.total()
        rejected = sum(counts.rejected.values())
        if most is None or rejected <= (most * counts.read if most < 1 else most):
            return
        where = f"; one is {first}" if first else ""
        raise UserError(
            f"{rejected} of {counts.read} rows were rejected, more than --max-rejects {most:g}: "
            f"{counts.in_words()}{where}"
        )
