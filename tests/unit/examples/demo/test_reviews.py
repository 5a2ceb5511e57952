import csv
import gzip
from collections import Counter
from pathlib import Path

from examples.demo.reviews import HEADER, Flaws, write_reviews


def read(path: Path) -> list[list[str]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_the_same_seed_makes_the_same_reviews(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_reviews(tmp_path / f"{name}.gz", 200, seed)
    a, b, c = (read(tmp_path / f"{name}.gz") for name in "abc")
    assert a == b != c
    assert tuple(a[0]) == HEADER
    assert len(a) == 201


def test_every_flaw_occurs_about_as_often_as_it_should(tmp_path: Path) -> None:
    write_reviews(tmp_path / "reviews.gz", 4000, flaws=Flaws(blank=0.1, duplicate=0.1, broken=0.1))
    rows = read(tmp_path / "reviews.gz")[1:]
    whole = [row for row in rows if len(row) == len(HEADER)]
    assert 0.07 < 1 - len(whole) / len(rows) < 0.12
    assert 0.07 < sum(row[5] == "" for row in whole) / len(whole) < 0.14
    assert 0.07 < 1 - len(set(map(tuple, whole))) / len(whole) < 0.14


def test_both_opinions_are_about_as_frequent(tmp_path: Path) -> None:
    write_reviews(tmp_path / "reviews.gz", 4000)
    liked = Counter(int(row[3]) >= 4 for row in read(tmp_path / "reviews.gz")[1:] if len(row) == len(HEADER))
    assert 0.45 < liked[True] / liked.total() < 0.55
