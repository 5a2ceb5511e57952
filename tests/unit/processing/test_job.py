"""Whole jobs in this process: every format, any number of hosts and files, and where rows land."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Literal

import datasets
import pyarrow as pa
import pytest
from unit.processing.jobs import (
    KINDS,
    Write,
    as_csv,
    as_jsonl,
    as_parquet,
    as_tsv,
    everything,
    from_parquet,
    on_host,
    rows,
    run,
    table,
)

from processing.rows.split import SPLITS


def test_every_format_gives_the_same_splits(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    data = table(400)
    found = []
    contents: dict[str, str | bytes] = {
        "a.tsv": as_tsv(data),
        "a.csv": as_csv(data),
        "a.jsonl": as_jsonl(data),
        "a.parquet": as_parquet(data),
        "a.tsv.gz": gzip.compress(as_tsv(data).encode()),
        "a.jsonl.zst": pa.compress(as_jsonl(data).encode(), "zstd", asbytes=True),
    }
    for name, content in contents.items():
        base = tmp_path / f"base-{name}"
        path = written(f"in/{name}", content)
        report = run(base, input=str(path), tokenizer=str(wordpiece), columns=("id",), label_threshold=3)
        assert (report["rows"]["read"], report["rows"]["kept"]) == (400, 400)
        found.append(everything(base))
    assert all(other == found[0] for other in found[1:])
    assert sum(map(len, found[0].values())) == 400
    assert {row[0]: row[1] for part in found[0].values() for row in part} == {
        i: str(int(int(label) >= 3)) for i, _, label in data
    }


@pytest.mark.parametrize("hosts", [2, 3, pytest.param(16, marks=pytest.mark.integration)])
def test_order_files_and_hosts_do_not_matter(written: Write, tmp_path: Path, wordpiece: Path, hosts: int) -> None:
    data = table(300)
    options = {"tokenizer": str(wordpiece), "columns": ("id",), "label_threshold": 3}
    run(tmp_path / "one", input=str(written("one/in/a.tsv", as_tsv(data)).parent), **options)
    expected = everything(tmp_path / "one")
    shuffled = random.Random(2).sample(data, len(data))
    for part in range(hosts + 1):
        written(f"all/{part}.tsv", as_tsv(shuffled[part :: hosts + 1]))
    run(tmp_path / "many", input=str(tmp_path / "all"), **options)
    assert everything(tmp_path / "many") == expected
    # Several files are given to the hosts as a whole, of one file they share the rows.
    for folder, kind in (*((tmp_path / "all", kind) for kind in KINDS), (tmp_path / "one/in", KINDS[0])):
        base = tmp_path / f"{folder.name}-{kind}"
        reports = [on_host(base, folder, host, hosts, kind, options) for host in range(hosts)]
        assert everything(base) == expected
        assert sum(report["rows"]["read"] for report in reports) == 300
        whole = kind == "replicated" and folder.name == "all"
        assert {report["host"]["whole_files"] for report in reports} == {whole}


def test_unlabelled_rows_have_no_labels(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    path = written("a.tsv", "id\ttext\n" + "".join(f"{n}\tfilm {n}\n" for n in range(30)))
    run(tmp_path, input=str(path), tokenizer=str(wordpiece), unlabelled=True, test_ratio=1.0, validation_ratio=0.0)
    found = datasets.load_from_disk(str(tmp_path / "processing/test"))
    assert (found.column_names, found.num_rows) == (["input_ids", "length"], 30)
    card = json.loads((tmp_path / "processing/test/card.json").read_text())
    assert (card["label_names"], card["splits"]) == ([], {"train": 0, "validation": 0, "test": 30})
    assert "Classes in each split" not in (tmp_path / "processing/report/report.html").read_text()


@pytest.mark.parametrize("kind", ["datasets", "parquet"])
def test_padding_and_parquet_hold_the_same_rows(
    written: Write, tmp_path: Path, wordpiece: Path, kind: Literal["datasets", "parquet"]
) -> None:
    path = str(written("a.tsv", as_tsv(table(200))))
    options = {"input": path, "tokenizer": str(wordpiece), "columns": ("id",), "label_map": {"1": "a", "2": "a",
        "3": "a", "4": "b", "5": "c"}}  # fmt: skip
    run(tmp_path / "plain", **options)
    run(tmp_path / "other", padding="max_length", format=kind, **options)
    for split, expected in everything(tmp_path / "plain").items():
        folder = tmp_path / "other" / "processing" / split
        loaded = datasets.load_from_disk(str(folder)) if kind == "datasets" else from_parquet(folder, tmp_path / "c")
        assert loaded.features["labels"].names == ["a", "b", "c"]
        assert {len(row) for row in loaded["input_ids"]} == {len(row) for row in loaded["attention_mask"]} == {8}
        real = [tuple(map(str, (row["id"], row["labels"], row["input_ids"][: row["length"]]))) for row in loaded]
        assert sorted(real) == expected
        assert all(sum(row["attention_mask"]) == row["length"] for row in loaded)


def test_a_host_without_files_writes_empty_splits(tmp_path: Path, wordpiece: Path) -> None:
    (tmp_path / "none").mkdir()
    options = {"tokenizer": str(wordpiece), "label_threshold": 3}
    report = on_host(tmp_path / "base", tmp_path / "none", 1, 2, "sharded", options)
    assert report["rows"]["read"] == 0
    assert datasets.load_from_disk(str(tmp_path / "base/processing/train/algo-2")).num_rows == 0


def test_text_columns_are_found_by_name(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    content = "text\treview_body\tlabel\tstar_rating\n" + "".join(f"a\tgood film {n}\t9\t{n % 2}\n" for n in range(40))
    run(tmp_path, input=str(written("in/a.tsv", content)), tokenizer=str(wordpiece))
    card = json.loads((tmp_path / "processing/train/card.json").read_text())
    assert (card["text_column"], card["label_names"], card["max_length"]) == ("review_body", ["0", "1"], 8)
    assert sum(card["splits"].values()) == card["rows"]["kept"] == 40


@pytest.mark.parametrize("name", ["p.csv", "p.tsv", "p.jsonl", "p.parquet"])
def test_a_folder_gives_a_column_only_where_the_file_has_none(
    written: Write, tmp_path: Path, wordpiece: Path, name: str
) -> None:
    data = table(60)
    contents: dict[str, str | bytes] = {
        "p.csv": as_csv(data),
        "p.tsv": as_tsv(data),
        "p.jsonl": as_jsonl(data),
        "p.parquet": as_parquet(data),
    }
    written(f"in/label=0/lang=pt%20br/{name}", contents[name])
    options = {"tokenizer": str(wordpiece), "columns": ("id", "lang"), "where": "lang = 'pt br'"}
    run(tmp_path, input=str(tmp_path / "in"), label_threshold=3, **options)
    found = [row for split in SPLITS for row in rows(tmp_path, split, ("id", "labels", "lang"))]
    assert sorted(found) == sorted((i, str(int(int(label) >= 3)), "pt br") for i, _, label in data)
