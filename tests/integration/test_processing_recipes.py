"""Runs each recipe of docs/processing.md (text and label by SQL), and compares its rows with those computed here."""

from __future__ import annotations

import csv
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import datasets
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from contract.options import from_flags
from contract.paths import Paths
from processing.options import ProcessingOptions
from processing.start import run

pytestmark = pytest.mark.integration

PAGE = Path(__file__).parents[2] / "docs" / "processing.md"
Row = dict[str, str]


def recipes() -> dict[str, list[str]]:
    """The options of each recipe, by what it does."""
    [section] = re.findall(r"^## Text and label by SQL\n(.*?)^## ", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    found = re.findall(r"^\| (.+?) \| `(--.+)` \|$", section, re.MULTILINE)
    return {what: shlex.split(options) for what, options in found}


def reviews() -> list[Row]:
    return [
        {
            "id": str(n),
            "title": "" if n % 4 == 0 else f"Title {n}",
            "body": f"<p>Good  film</p> {n}\tsee https://a.example/{n} NOW",
            "stars": f"{n % 5 + 1}.0" if n % 3 else str(n % 5 + 1),
            "verified": ("true", "False", "")[n % 3],
            "lang": ("en", "de", "fr")[n % 3],
            "date": f"{2022 + n % 4}-01-01" if n % 7 else "unknown",
            "helpful": str(n % 9),
            "votes": str(n % 11),
            "review": json.dumps({"text": f"nested {n}", "stars": n % 2}),
        }
        for n in range(120)
    ]


def stars(row: Row) -> float:
    return float(row["stars"])


def good(row: Row) -> int:
    return int(stars(row) >= 4)


# What each recipe keeps: the class and the text of a row, or None.
Expected = Callable[[Row], tuple[int, str] | None]
EXPECTED: dict[str, Expected] = {
    "title and body as one text": lambda row: (good(row), ". ".join(filter(None, (row["title"], row["body"])))),
    "no HTML tags": lambda row: (good(row), re.sub(r"<[^>]+>", " ", row["body"])),
    "one kind of white space, lower case": lambda row: (good(row), re.sub(r"\s+", " ", row["body"]).lower()),
    "no addresses of web pages": lambda row: (good(row), re.sub(r"https?://\S+", "link", row["body"])),
    "keys of nested JSON": lambda row: (int(row["id"]) % 2, f"nested {row['id']}"),
    "three classes of five ratings": lambda row: (2 if stars(row) == 3 else int(stars(row) > 3), row["body"]),
    "no neutral ratings": lambda row: None if stars(row) == 3 else (good(row), row["body"]),
    "verified reviews in two languages": lambda row: (good(row), row["body"]) if row["verified"] == "true" else None,
    "reviews of a time": lambda row: (good(row), row["body"]) if "2024" <= row["date"] < "2026" else None,
    "a share of two columns as the class": lambda row: (
        None if row["votes"] == "0" else (int(int(row["helpful"]) / int(row["votes"]) >= 0.5), row["body"])
    ),
}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    """A tokenizer whose tokens are bytes, so that ids hold the text."""
    alphabet = {character: number for number, character in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    made = Tokenizer(models.BPE(alphabet, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return made


def test_ten_recipes_are_known() -> None:
    assert list(recipes()) == list(EXPECTED)
    assert len(EXPECTED) == 10


@pytest.mark.parametrize("what", EXPECTED)
def test_a_recipe_gives_the_rows_that_it_names(what: str, tokenizer: Tokenizer, tmp_path: Path) -> None:
    data = reviews()
    with (tmp_path / "reviews.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(data[0]))
        writer.writeheader()
        writer.writerows(data)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    flags = [
        "--input",
        str(tmp_path / "reviews.csv"),
        "--tokenizer",
        str(tmp_path / "tokenizer.json"),
        *recipes()[what],
    ]
    if "--text-expression" not in flags:
        flags += ["--text-column", "body"]
    if not {"--label-expression", "--positive-where"} & {*flags}:
        flags += ["--label-column", "stars"]
        flags += [] if "--label-threshold" in flags else ["--label-threshold", "4"]
    run(from_flags(ProcessingOptions, [*flags, "--columns", "id", "--max-rejects", "0.2"]), Paths(tmp_path))
    found = [row for state in tmp_path.rglob("state.json") for row in datasets.load_from_disk(str(state.parent))]
    expected = {row["id"]: EXPECTED[what](row) for row in data}
    assert {row["id"]: (row["labels"], row["input_ids"]) for row in found} == {
        name: (kept[0], tokenizer.encode(kept[1]).ids) for name, kept in expected.items() if kept is not None
    }
