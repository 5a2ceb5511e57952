"""Generates product reviews with the flaws of real data: typos, blank texts, duplicates, broken lines, wrong labels.

The file has the columns of the Amazon Customer Reviews data, tab-separated without quotes. The star
rating follows from the words of the review, except in a few rows.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HEADER = ("marketplace", "review_id", "product_title", "star_rating", "review_headline", "review_body", "review_date")

PRODUCTS = ("kettle", "lamp", "backpack", "novel", "keyboard", "blender", "tent", "headset", "watch", "pillow")
PARTS = ("handle", "cover", "battery", "strap", "manual", "colour", "packaging", "finish", "switch", "zip")
GOOD = ("excellent", "sturdy", "lovely", "reliable", "perfect", "comfortable", "brilliant", "superb", "quiet", "handy")
BAD = ("flimsy", "useless", "broken", "dreadful", "noisy", "cheap", "disappointing", "faulty", "ugly", "awful")
NEUTRAL = (
    'Bought it in "size M" for my sister.',
    "It arrived on a Tuesday.",
    "I use it about twice a week.",
    "The box was larger than I expected.",
    "My neighbour has the same one.",
    "This is my second order from this shop.",
)
PRAISE = (
    "The {part} is {good}.",
    "How {good} this {product} is!",
    "I would buy this {product} again.",
    "Honestly {good}, not {bad} at all.",
    "My family loves the {part}, it feels {good}.",
)
BLAME = (
    "The {part} is {bad}.",
    "How {bad} this {product} is!",
    "I sent this {product} back.",
    "Sadly {bad}, not {good} at all.",
    "The {part} felt {bad} after a day.",
)


@dataclass(frozen=True)
class Flaws:
    """Shares of the rows that have a flaw."""

    wrong_star: float = 0.02
    typo: float = 0.10
    blank: float = 0.01
    duplicate: float = 0.03
    broken: float = 0.005


def write_reviews(path: Path, rows: int, seed: int = 0, flaws: Flaws | None = None) -> None:
    """Write a header and `rows` lines to the gzip file `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("\t".join(HEADER) + "\n")
        file.writelines(lines(rows, random.Random(seed), flaws or Flaws()))


def lines(rows: int, rng: random.Random, flaws: Flaws) -> Iterator[str]:
    """The `rows` lines of the file, including duplicates and broken lines."""
    earlier = ""
    for number in range(rows):
        if earlier and rng.random() < flaws.duplicate:
            yield earlier
            continue
        fields = review(number, rng, flaws)
        if rng.random() < flaws.broken:
            yield "\t".join(fields[: rng.randint(1, 4)]) + "\n"
            continue
        earlier = "\t".join(fields) + "\n"
        yield earlier


def review(number: int, rng: random.Random, flaws: Flaws) -> list[str]:
    """The fields of one review, in the order of HEADER."""
    liked = rng.random() < 0.5
    stars = rng.choice((4, 5) if liked != (rng.random() < flaws.wrong_star) else (1, 2, 3))
    product = rng.choice(PRODUCTS)
    body = "" if rng.random() < flaws.blank else text(liked, product, rng)
    if rng.random() < flaws.typo:
        body = typo(body, rng)
    date = f"2015-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
    return ["US", f"R{number:07}", product, str(stars), f"{stars} stars", body, date]


def text(liked: bool, product: str, rng: random.Random) -> str:
    """A few sentences: opinions about the product and neutral sentences."""
    opinions = [opinion(liked, product, rng) for _ in range(rng.randint(1, 4))]
    asides = rng.sample(NEUTRAL, rng.randint(0, 3))
    sentences = opinions + asides
    rng.shuffle(sentences)
    return " ".join(sentences)


def opinion(liked: bool, product: str, rng: random.Random) -> str:
    """One sentence of praise or blame."""
    sentence = rng.choice(PRAISE if liked else BLAME)
    return sentence.format(part=rng.choice(PARTS), product=product, good=rng.choice(GOOD), bad=rng.choice(BAD))


def typo(body: str, rng: random.Random) -> str:
    """`body` with two adjacent letters swapped."""
    if len(body) < 3:
        return body
    at = rng.randrange(len(body) - 1)
    return body[:at] + body[at + 1] + body[at] + body[at + 2 :]
