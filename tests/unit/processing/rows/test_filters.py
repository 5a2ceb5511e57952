"""Duplicates, few tokens, --max-rows and --balance in whole jobs."""

from __future__ import annotations

import random
from pathlib import Path

from unit.processing.jobs import Write, as_tsv, everything, on_host, rows, run, table, texts

from processing.rows.split import SPLITS


def test_duplicates_are_dropped_across_files_and_hosts(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    data = [[str(n), f"the film {n % 60}", "5"] for n in range(200)]
    for n in range(100, 200):
        data[n][1] = data[n][1].upper().replace(" ", " \u00a0  ") + "  "
    for part, name in enumerate(("a", "b", "c")):
        written(f"in/{name}.tsv", as_tsv(data[part * 70 : part * 70 + 70]))
    options = {"tokenizer": str(wordpiece), "columns": ("id",), "label_threshold": 3, "drop_duplicates": True}
    report = run(tmp_path / "one", input=str(tmp_path / "in"), **options)
    assert (report["rows"]["kept"], report["rows"]["filtered"]) == (60, {"duplicate": 140})
    expected = everything(tmp_path / "one")
    assert {int(row[0]) for found in expected.values() for row in found} == set(range(60))
    reports = [on_host(tmp_path / "three", tmp_path / "in", host, 3, "replicated", options) for host in range(3)]
    assert everything(tmp_path / "three") == expected
    assert sum(report["rows"]["filtered"]["duplicate"] for report in reports) == 140


def test_max_rows_keeps_the_same_rows_whatever_the_order_files_and_hosts(
    written: Write, tmp_path: Path, wordpiece: Path
) -> None:
    data = table(300)
    data += [["", f"{data[n][1].upper()} ", "5"] for n in range(40)]
    for drop in (False, True):
        base = tmp_path / f"drop-{drop}"
        options = {"tokenizer": str(wordpiece), "label_threshold": 3, "max_rows": 100, "drop_duplicates": drop}
        report = run(base / "one", input=str(written("one/a.tsv", as_tsv(data))), columns=("text",), **options)
        kept, over = report["rows"]["kept"], report["rows"]["filtered"]["over --max-rows"]
        assert kept == 100 and kept + over + 40 * drop == 340
        assert report["rows"]["filtered"].get("duplicate", 0) == 40 * drop
        expected = texts(base / "one")
        # A choice by the split's own hash would fill train alone.
        assert 60 < len(texts(base / "one", "train")) < 95
        shuffled = random.Random(3).sample(data, len(data))
        for part in range(4):
            written(f"all/{part}.tsv", as_tsv((data if drop else shuffled)[part * 85 : part * 85 + 85]))
        reports = [
            on_host(base / "three", tmp_path / "all", host, 3, "replicated", {**options, "columns": ("text",)})
            for host in range(3)
        ]
        assert texts(base / "three") == expected
        assert sum(report["rows"]["filtered"]["over --max-rows"] for report in reports) == over


def test_rows_of_few_tokens_are_filtered(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    data = [["x", "the " * (n % 6 + 1), str(n % 2)] for n in range(300)]
    options = {"tokenizer": str(wordpiece), "columns": ("text",), "min_tokens": 5}
    report = run(tmp_path, input=str(written("a.tsv", as_tsv(data))), **options)
    # With two special tokens, three words are five tokens.
    assert report["rows"]["filtered"] == {"fewer than min_tokens": 100}
    assert report["rows"]["kept"] == 200
    found = [row for split in SPLITS for row in rows(tmp_path, split, ("text", "length"))]
    assert {(text.count("the"), int(length)) for text, length in found} == {(3, 5), (4, 6), (5, 7), (6, 8)}


def test_balance_cuts_the_training_split_alone(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    data = table(400)
    options = {"tokenizer": str(wordpiece), "columns": ("id",), "label_threshold": 4}
    written("in/a.tsv", as_tsv(data[:150]))
    written("in/b.tsv", as_tsv(data[150:]))
    plain = run(tmp_path / "plain", input=str(tmp_path / "in"), **options)["labels"]
    report = run(tmp_path / "even", input=str(tmp_path / "in"), balance=True, **options)
    smallest = min(plain["train"].values())
    assert plain["train"]["NEGATIVE"] != smallest == plain["train"]["POSITIVE"]
    assert report["labels"] == plain | {"train": {"NEGATIVE": smallest, "POSITIVE": smallest}}
    assert report["rows"]["filtered"] == {"cut by --balance": plain["train"]["NEGATIVE"] - smallest}
    for host in range(3):
        on_host(tmp_path / "three", tmp_path / "in", host, 3, "replicated", {**options, "balance": True})
    assert everything(tmp_path / "three") == everything(tmp_path / "even")
