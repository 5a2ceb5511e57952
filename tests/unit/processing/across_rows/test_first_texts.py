"""The first row of each text, as a plain set finds it, and whole jobs with one pass and with two."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from unit.processing.jobs import Write, as_tsv, everything, on_host, run, table

from contract.paths import Paths
from processing import start
from processing.across_rows import first_texts
from processing.across_rows.first_texts import FirstTexts, TooManyTextsError
from processing.options import ProcessingOptions
from processing.reading import first_pass


def test_keys_are_new_at_their_first_row_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_texts, "FIRST_SLOTS", 16)
    texts, seen, pick = FirstTexts(10_000), set(), random.Random(3)
    for size in (1, 0, 7, 500, 2000, 2000):
        # Few low bits, so that many keys have the same slot; the second half alone can differ.
        rows = [(pick.randrange(40) << 40 | pick.randrange(3), pick.randrange(1, 30)) for _ in range(size)]
        expected = []
        for row in rows:
            expected.append(row not in seen)
            seen.add(row)
        keys = np.array(rows, np.uint64).reshape(-1, 2)
        assert texts.add(keys).tolist() == expected
    assert texts.texts == len(seen) > 2000
    # An empty slot holds zeros too.
    texts = FirstTexts(3)
    assert [texts.add(np.zeros((1, 2), np.uint64)).tolist() for _ in range(2)] == [[True], [False]]


def test_too_many_texts_end_it() -> None:
    texts = FirstTexts(3)
    texts.add(np.array([[1, 1], [1, 2], [1, 1], [2, 1]], np.uint64))
    with pytest.raises(TooManyTextsError):
        texts.add(np.array([[3, 1]], np.uint64))


def repeated() -> list[list[str]]:
    """Rows of which many have the text of another one, but for its case and white space."""
    pick, data = random.Random(8), table(150)
    copies = [
        [f"c{n}", pick.choice((str.upper, str.title, "  {}\u00a0".format))(row[1]), row[2]]
        for n, row in enumerate(data)
    ]
    return pick.sample(data + copies, 2 * len(data))


def test_one_pass_drops_what_two_passes_drop(
    written: Write, tmp_path: Path, wordpiece: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = repeated()
    for part in range(3):
        written(f"in/{part}.tsv", as_tsv(data[part * 100 : part * 100 + 100]))
    options: dict[str, Any] = {"tokenizer": str(wordpiece), "columns": ("id",), "label_threshold": 3}
    options |= {"max_rejects": None, "drop_duplicates": True}
    one = run(tmp_path / "one", input=str(tmp_path / "in"), **options)
    for host in range(3):
        on_host(tmp_path / "hosts", tmp_path / "in", host, 3, "replicated", options)
    monkeypatch.setattr(first_pass, "in_one_pass", lambda _: False)
    two = run(tmp_path / "two", input=str(tmp_path / "in"), **options)
    assert one["rows"] == two["rows"]
    assert one["rows"]["filtered"]["duplicate"] > 140
    assert everything(tmp_path / "one") == everything(tmp_path / "two") == everything(tmp_path / "hosts")


def test_a_job_with_too_many_texts_is_repeated_with_two_passes(
    written: Write, tmp_path: Path, wordpiece: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written("a.tsv", as_tsv(repeated()))
    options = ProcessingOptions(input=str(path), tokenizer=str(wordpiece), label_threshold=3, drop_duplicates=True,
        max_rejects=None, columns=("id",), max_length=8)  # fmt: skip
    start.run(options, Paths(tmp_path / "one"))
    monkeypatch.setattr(first_texts, "MEMORY_SHARE", 0.0)
    start.run(options, Paths(tmp_path / "again"))
    assert everything(tmp_path / "one") == everything(tmp_path / "again")
