"""Tasks of benchmarks/finetuning.py, made of reviews with stars: one label, several labels, a number, or text pairs."""

from __future__ import annotations

import csv
import gzip
import random
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TEXT_COLUMN, STARS_COLUMN = "review_body", "star_rating"
POSITIVE = 4  # least star rating of a positive review
# Labels of a text in the task of several labels, each with the words that it is given for.
TOPICS = {
    "acting": {"acting", "actor", "actors", "actress", "cast", "performance", "performances", "role"},
    "film": {"film", "films"},
    "movie": {"movie", "movies"},
    "story": {"book", "plot", "script", "story", "written"},
}
Review = tuple[str, int]
Row = dict[str, Any]


def reviews(data: Path, count: int, but: int = 0) -> list[Review]:
    """A sample of `count` texts with their stars, all distinct, in a random order, by a fixed seed.

    Args:
        but: none of them is in the sample of so many texts.

    Raises:
        SystemExit: there are fewer texts.
    """
    stars: dict[str, int] = {}
    with gzip.open(data, "rt", encoding="utf-8", newline="\n") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            stars[row[TEXT_COLUMN]] = int(row[STARS_COLUMN])
    if len(stars) < but + count:
        sys.exit(f"--data {data} has {len(stars)} distinct texts, expected at least {but + count}")
    texts = sorted(stars)
    left = sorted(set(texts) - set(random.Random(0).sample(texts, but)))
    return [(text, stars[text]) for text in random.Random(0).sample(left, count)]


def start_of(text: str, words: int) -> str:
    """The first `words` words."""
    return " ".join(text.split()[:words])


def single(found: Sequence[Review], _words: int = 0) -> list[Row]:
    """Whether a review is positive."""
    return [{"text": text, "label": int(stars >= POSITIVE)} for text, stars in found]


def multilabel(found: Sequence[Review], words: int) -> list[Row]:
    """The topics whose words the start of a review has, and whether the review is positive."""
    rows = []
    for text, stars in found:
        start = start_of(text, words)
        present = set(re.findall("[a-z]+", start.lower()))
        labels = [topic for topic, known in TOPICS.items() if known & present]
        rows.append({"text": start, "label": labels + ["positive"] * (stars >= POSITIVE)})
    return rows


def regression(found: Sequence[Review], _words: int) -> list[Row]:
    """The stars of a review, 1 to 5, as -1 to 1."""
    return [{"text": text, "label": (stars - 3) / 2} for text, stars in found]


def pairs(found: Sequence[Review], words: int) -> list[Row]:
    """Whether two excerpts, which overlap if so, are of the same review."""
    size, order = max(words // 2, 1), random.Random(0)
    rows = []
    for (text, _), (other, _) in zip(found[::2], found[1::2], strict=False):
        same = order.randrange(2)
        second = (text if same else other).split()[size // 3 :]
        rows.append({"text": start_of(text, size), "text_pair": " ".join(second[:size]), "label": same})
    return rows


@dataclass(frozen=True)
class Task:
    """What is trained on.

    Attributes:
        make: the rows from distinct reviews; its second argument is the number of words that max_length has room for.
        metric: that is compared, as the image names it.
        hyperparameters: of the image, beside those of every task.
        reviews: that a row takes, on average.
    """

    make: Callable[[Sequence[Review], int], list[Row]]
    metric: str
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    reviews: int = 1


TASKS = {
    "single": Task(single, "accuracy"),
    "multilabel": Task(multilabel, "average_precision"),
    "regression": Task(regression, "pearson"),
    "pairs": Task(pairs, "accuracy", {"text_pair_column": "text_pair"}, reviews=2),
}


def rows(task: str, data: Path, count: int, max_length: int) -> list[Row]:
    """`count` rows of the task named `task`, the same each time."""
    chosen = TASKS[task]
    # A word has about 4/3 tokens, and there are special tokens.
    words = max(max_length * 5 // 8, 2)
    found = chosen.make(reviews(data, count * chosen.reviews), words)
    if len(found) < count:
        sys.exit(f"--data {data} gives {len(found)} rows of the task {task}, expected at least --rows {count}")
    return found[:count]
