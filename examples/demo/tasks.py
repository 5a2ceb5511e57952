"""The tasks of `make demo TASK=`: made-up rows of several labels, of numbers and of pairs, and the options for each."""

from __future__ import annotations

import csv
import gzip
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from examples.demo.reviews import BAD, BLAME, GOOD, NEUTRAL, PARTS, PRAISE, PRODUCTS, opinion

FILE = "rows.tsv.gz"
# Sentences by the label that they give a review.
COMPLAINTS = {
    "delivery": ("The parcel came two weeks late.", "The courier left it in the rain.", "It was sent to a wrong town."),
    "price": ("It costs far too much.", "The shop next door sells it for half.", "Not worth the money."),
    "quality": ("It broke on the first day.", "The finish came off.", "It stopped after an hour."),
}
QUESTIONS = ("Is the {part} {good}?", "Would you buy this {product} again?", "Is this {product} {good} or {bad}?")
Row = dict[str, Any]


def complaints(rng: random.Random) -> Row:
    """A review with complaints of any of three kinds, or none; its labels are the kinds."""
    labels = [label for label in COMPLAINTS if rng.random() < 0.4]
    sentences = [rng.choice(COMPLAINTS[label]) for label in labels] + rng.sample(NEUTRAL, rng.randint(1, 3))
    return {"text": shuffled(sentences, rng), "labels": "|".join(labels)}


def rating(rng: random.Random) -> Row:
    """A review of four opinions, and a rating from 1 to 5 by how many of them are praise, give or take a quarter."""
    product, praise = rng.choice(PRODUCTS), rng.randint(0, 4)
    sentences = [opinion(place < praise, product, rng) for place in range(4)]
    return {"text": shuffled(sentences, rng), "rating": round(1 + praise + rng.uniform(-0.25, 0.25), 2)}


def answer(rng: random.Random) -> Row:
    """A question about a product, and an answer; the label says whether it is a yes. Some rows lack their answer."""
    is_yes, words = rng.random() < 0.5, {"part": rng.choice(PARTS), "product": rng.choice(PRODUCTS)}
    question = rng.choice(QUESTIONS).format(good=rng.choice(GOOD), bad=rng.choice(BAD), **words)
    found = rng.choice(PRAISE if is_yes else BLAME).format(good=rng.choice(GOOD), bad=rng.choice(BAD), **words)
    return {"question": question, "answer": "" if rng.random() < 0.02 else found, "label": "yes" if is_yes else "no"}


def shuffled(sentences: list[str], rng: random.Random) -> str:
    rng.shuffle(sentences)
    return " ".join(sentences)


@dataclass(frozen=True)
class Task:
    """A task, with what the three images are told about it.

    Attributes:
        row: makes a row of it.
        texts: its columns of text.
        arguments: of processing, beside input, tokenizer and lengths.
        hyperparameters: of training, beside those of every task.
        epochs: with which the small BERT learns it.
        metric: that tells most about it, in metrics.json after `eval_` and `test_`.
        questions: texts or pairs to send to the endpoint, each with what a model that learned answers.
    """

    row: Callable[[random.Random], Row]
    texts: tuple[str, ...]
    arguments: tuple[str, ...]
    metric: str
    questions: tuple[tuple[str | dict[str, str], Any], ...]
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    epochs: float = 2

    def write(self, folder: Path, rows: int, seed: int = 0) -> Path:
        """Write `rows` rows to a file of tab-separated values below `folder`; returns the file."""
        folder.mkdir(parents=True, exist_ok=True)
        rng = random.Random(seed)
        with gzip.open(folder / FILE, "wt", encoding="utf-8", newline="") as file:
            found = [self.row(rng) for _ in range(rows)]
            writer = csv.DictWriter(file, found[0].keys(), delimiter="\t", lineterminator="\n")
            writer.writeheader()
            writer.writerows(found)
        return folder / FILE

    def read_texts(self, path: Path) -> Iterator[str]:
        """All texts of a file that `write` wrote."""
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                yield from (row[column] for column in self.texts)


TASKS = {
    "multilabel": Task(
        complaints,
        ("text",),
        ("--label-column", "labels", "--label-delimiter", "|"),
        "f1",
        (
            ("The parcel came two weeks late. It costs far too much.", ["delivery", "price"]),
            ("It broke on the first day. It arrived on a Tuesday.", ["quality"]),
            ("My neighbour has the same one.", []),
        ),
        {"decision_threshold": "best_f1", "metric_for_best_model": "f1"},
        epochs=6,
    ),
    "regression": Task(
        rating,
        ("text",),
        ("--label-column", "rating"),
        "pearson",
        (
            (
                "The zip is superb. How lovely this tent is! I would buy this tent again. Honestly handy, not ugly.",
                5,
            ),
            ("The zip is broken. How awful this tent is! I sent this tent back. The strap felt ugly after a day.", 1),
        ),
        {"metric_for_best_model": "rmse"},
    ),
    "pairs": Task(
        answer,
        ("question", "answer"),
        (
            *("--text-column", "question", "--text-pair-column", "answer", "--truncation", "only_second"),
            *("--label-column", "label"),
        ),
        "accuracy",
        (
            ({"text": "Is the zip sturdy?", "text_pair": "Honestly excellent, not cheap at all."}, "yes"),
            ({"text": "Is the zip sturdy?", "text_pair": "I sent this tent back."}, "no"),
        ),
    ),
}
