"""Whole jobs in this process: what is kept, filtered, rejected, and where it lands."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contract.failures import UserError
from contract.paths import Paths
from processing.options import ProcessingOptions
from processing.reading.schema import MAX_LINE_BYTES
from processing.rows.split import SPLITS
from processing.start import start

Write = Callable[[str, str | bytes], Path]
Row = tuple[Any, ...]


def run(base: Path, **options: Any) -> dict[str, Any]:
    """Run a job under `base`; returns its report."""
    paths = Paths(base)
    start(ProcessingOptions(max_length=8, **options), paths).run(paths)
    return json.loads(next(paths.processing_report.rglob("report.json")).read_text())


def rejects(base: Path) -> list[dict[str, Any]]:
    lines = next(Paths(base).processing_report.rglob("rejects.jsonl")).read_text().splitlines()
    return [json.loads(line) for line in lines]


def rows(base: Path, split: str, columns: tuple[str, ...] = ("id", "labels", "input_ids")) -> list[Row]:
    found: list[Row] = []
    for state in sorted((base / "processing" / split).rglob("state.json")):
        loaded = datasets.load_from_disk(str(state.parent))
        found += [tuple(map(str, values)) for values in zip(*(loaded[name] for name in columns), strict=True)]
    return found


def everything(base: Path) -> dict[str, list[Row]]:
    return {split: sorted(rows(base, split)) for split in SPLITS}


def table(count: int) -> list[list[str]]:
    pick = random.Random(1)
    words = ['"odd', "the", "good", "film", "was", 'an "old"', "book, long", "", "\u00e9t\u00e9"]
    return [[str(n), " ".join(pick.choices(words, k=6)) + f" {n}", str(n % 5 + 1)] for n in range(count)]


def as_tsv(data: list[list[str]]) -> str:
    return "\n".join(["id\ttext\tlabel", *("\t".join(row) for row in data)]) + "\n"


def as_csv(data: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([["id", "text", "label"], *data])
    return text.getvalue()


def as_jsonl(data: list[list[str]]) -> str:
    return "".join(json.dumps({"id": i, "text": text, "label": int(label)}) + "\n" for i, text, label in data)


def as_parquet(data: list[list[str]]) -> bytes:
    buffer = io.BytesIO()
    columns = list(zip(*data, strict=True))
    pq.write_table(pa.table({"id": columns[0], "text": columns[1], "label": [int(x) for x in columns[2]]}), buffer)
    return buffer.getvalue()


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
    for kind in ("replicated", "sharded"):
        base = tmp_path / kind
        reports = [on_host(base, tmp_path / "all", host, hosts, kind, options) for host in range(hosts)]
        assert everything(base) == expected
        assert sum(report["rows"]["read"] for report in reports) == 300


def on_host(base: Path, folder: Path, host: int, hosts: int, kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """One of several hosts, with its own input and the outputs that S3 would merge."""
    names = [f"algo-{number + 1}" for number in range(hosts)]
    config = base / "config" / "resourceconfig.json"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(json.dumps({"current_host": names[host], "hosts": names}))
    place = folder
    if kind == "sharded":
        place = base / "shards" / names[host]
        place.mkdir(parents=True)
        for file in sorted(folder.iterdir())[host::hosts]:
            (place / file.name).write_bytes(file.read_bytes())
    paths = Paths(base)
    start(ProcessingOptions(max_length=8, input=str(place), input_distribution=kind, **options), paths).run(paths)
    return json.loads((paths.processing_report / names[host] / "report.json").read_text())


DIRTY_TSV = b"""\xef\xbb\xbfid|text|label|votes
1|good "film|5|10
2|short

3|too|3|1|1
4|bad \xff|4|1
5|no label||1
6|odd label|abc|1
7| \xc2\xa0 |3|1
8|x|3|1
9|few votes|1|2
10|long enough text|1|""".replace(b"|", b"\t").replace(b"\n", b"\r\n")


def test_every_row_is_accounted_for_with_its_line(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    path = written("dirty.tsv", DIRTY_TSV)
    report = run(
        tmp_path, input=str(path), tokenizer=str(wordpiece), label_threshold=3, train_ratio=1.0, min_chars=2,
        where="votes <> 2 OR votes IS NULL", columns=("id",),
    )  # fmt: skip
    counts = report["rows"]
    assert counts["rejected"] == {
        "too few columns": 1, "too many columns": 1, "not UTF-8": 1, "no label": 1, "label not understood": 1,
    }  # fmt: skip
    assert counts["filtered"] == {"empty text": 1, "shorter than min_chars": 1, "where": 1}
    assert (counts["read"], counts["kept"], report["files"][0]["read"]) == (10, 2, 10)
    assert [row[0] for row in rows(tmp_path, "train")] == ["1", "10"]
    found = {(reject["line"], reject["column"], reject["reason"]) for reject in rejects(tmp_path)}
    assert found == {
        (3, "label", "too few columns"),
        (5, None, "too many columns"),
        (6, "text", "not UTF-8"),
        (7, "label", "no label"),
        (8, "label", "label not understood"),
    }


def test_broken_json_lines_are_rejected_by_line(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    good = [json.dumps({"text": f"row {n}", "label": n % 2}) for n in range(20)]
    lines = [
        *good,
        '{"text": "bro',
        "",
        "[1]",
        '{"text": "no label"}',
        '{"text": null, "label": 1}',
        '{"text": 7, "label": 0}',
    ]
    path = written("a.jsonl", "\n".join(lines))
    report = run(tmp_path, input=str(path), tokenizer=str(wordpiece), train_ratio=1.0)
    assert (report["rows"]["read"], report["rows"]["kept"]) == (25, 21)
    assert [(reject["line"], reject["reason"], reject["value"]) for reject in rejects(tmp_path)] == [
        (21, "not a JSON object", '{"text": "bro'),
        (23, "not a JSON object", "[1]"),
        (24, "no label", None),
    ]
    assert report["labels"]["train"] == {"0": 11, "1": 10}


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


def texts(base: Path, *splits: str) -> list[Row]:
    return sorted(row for split in splits or SPLITS for row in rows(base, split, ("text", "labels", "input_ids")))


def test_max_rows_is_refused_where_no_host_sees_all_rows(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    options = {"tokenizer": str(wordpiece), "label_threshold": 3, "max_rows": 10}
    folder = written("in/a.tsv", as_tsv(table(20))).parent
    with pytest.raises(UserError, match="--max-rows 10 is given, but input is sharded over 2 hosts"):
        on_host(tmp_path / "base", folder, 0, 2, "sharded", options)


def test_a_condition_can_be_the_label(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    data = [*table(200), ["x", "no stars here", ""]]
    options = {"positive_where": "label >= 4 -- stars\n", "columns": ("id", "label"), "tokenizer": str(wordpiece)}
    report = run(tmp_path, input=str(written("a.tsv", as_tsv(data))), **options)
    assert (report["rows"]["kept"], report["rows"]["rejected"]) == (200, {"no label": 1})
    for split in SPLITS:
        for label, number in rows(tmp_path, split, ("label", "labels")):
            assert number == str(int(int(label) >= 4))
    card = json.loads((tmp_path / "processing/train/card.json").read_text())
    assert card["label_names"] == ["NEGATIVE", "POSITIVE"]


def test_unlabelled_rows_have_no_labels(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    path = written("a.tsv", "id\ttext\n" + "".join(f"{n}\tfilm {n}\n" for n in range(30)))
    run(tmp_path, input=str(path), tokenizer=str(wordpiece), unlabelled=True, test_ratio=1.0, validation_ratio=0.0)
    found = datasets.load_from_disk(str(tmp_path / "processing/test"))
    assert (found.column_names, found.num_rows) == (["input_ids", "length"], 30)
    card = json.loads((tmp_path / "processing/test/card.json").read_text())
    assert (card["label_names"], card["splits"]) == ([], {"train": 0, "validation": 0, "test": 30})
    assert "Classes in each split" not in (tmp_path / "processing/report/report.html").read_text()


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


def from_parquet(folder: Path, cache: Path) -> datasets.Dataset:
    return datasets.Dataset.from_parquet([str(file) for file in sorted(folder.glob("*.parquet"))], cache_dir=str(cache))


def test_max_rejects_fails_the_job_and_names_one(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    path = written("a.tsv", as_tsv([*table(98), ["a", "b"], ["c", "d", ""]]))
    options = {"input": str(path), "tokenizer": str(wordpiece), "label_threshold": 3}
    with pytest.raises(UserError, match=r"2 of 100 rows .*--max-rejects 0.01: .*line 100 of a.tsv .too few columns"):
        run(tmp_path / "base", max_rejects=0.01, **options)
    assert not [path for path in tmp_path.glob("base/**/*") if path.is_file()]
    assert run(tmp_path / "base", max_rejects=0.02, **options)["rows"]["kept"] == 98


def test_groups_stay_together(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    data = [[f"g{n % 40}", f"text {n}", str(n % 2)] for n in range(600)]
    run(tmp_path, input=str(written("a.tsv", as_tsv(data))), tokenizer=str(wordpiece), columns=("id",), group_by="id")
    places: dict[str, set[str]] = {}
    for split, found in everything(tmp_path).items():
        for row in found:
            places.setdefault(row[0], set()).add(split)
    assert len(places) == 40
    assert all(len(splits) == 1 for splits in places.values())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"where": "labl = 1"}, "--where .*labl"),
        ({"where": "CAST(text AS INT) = 1"}, "--where .*Could not convert string '...'"),
        ({"where": "(SELECT count(*) FROM read_text('/etc/hostname')) > 0"}, "--where .*Permission"),
        ({"where": "true); DROP TABLE x; SELECT (1"}, "--where .*syntax error"),
        ({"positive_where": "labl = 1"}, "--positive-where .*labl"),
        ({"text_column": "body"}, "no column body .--text-column.; its columns are id, text, label"),
        ({"columns": ("x",)}, "no column x .--columns"),
        ({"group_by": "x"}, "no column x .--group-by"),
        ({"label_map": {"1": "a", "2": "b"}}, r"label '3' in column label \(row 3\), expected one of 1, 2"),
        ({"where": "false"}, "no row is left to train on: 50 rows read, 0 kept, 50 filtered .where"),
        ({}, "label column label holds the numbers 1, 2, 3, 4, 5"),
        ({"tokenizer": None}, "--tokenizer is not given"),
        ({"input": "nowhere"}, "input nowhere: no such file"),
    ],
)
def test_mistakes_get_one_sentence_and_leave_nothing(
    written: Write, tmp_path: Path, wordpiece: Path, options: dict[str, Any], words: str
) -> None:
    given = {"input": str(written("in/a.tsv", as_tsv(table(50)))), "tokenizer": str(wordpiece), **options}
    with pytest.raises(UserError, match=words) as caught:
        run(tmp_path / "base", **given)
    assert "\n" not in str(caught.value)
    assert not [path for path in tmp_path.glob("base/**/*") if path.is_file()]


@pytest.mark.parametrize("name", ["a.parquet", "a.tsv.gz", "a.csv"])
def test_damaged_files_are_named(written: Write, tmp_path: Path, wordpiece: Path, name: str) -> None:
    good = gzip.compress(as_tsv(table(3000)).encode())
    content = {"a.parquet": as_parquet(table(50))[:-20], "a.tsv.gz": good[: len(good) // 2], "a.csv": b"\n"}[name]
    with pytest.raises(UserError, match=f"input file {name} "):
        run(tmp_path / "base", input=str(written(f"in/{name}", content)), tokenizer=str(wordpiece), label_threshold=3)


@pytest.mark.parametrize("content", ["text\tlabel\r\na\t1\nb\t0\r\n", "text\tlabel\na\rb\t1\nb\t0\n"])
def test_mixed_line_ends_are_named(written: Write, tmp_path: Path, wordpiece: Path, content: str) -> None:
    with pytest.raises(UserError, match=r"input file a.tsv cannot be read: its lines end"):
        run(tmp_path / "base", input=str(written("in/a.tsv", content)), tokenizer=str(wordpiece))


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


def test_a_line_beyond_the_longest_is_rejected_and_the_next_is_read(
    written: Write, tmp_path: Path, wordpiece: Path
) -> None:
    data = table(60)
    data[30][1] = "long " * (MAX_LINE_BYTES // 5)
    data[40][1] = "film " * (MAX_LINE_BYTES // 10)
    path = written("a.tsv", as_tsv(data))
    report = run(tmp_path, input=str(path), tokenizer=str(wordpiece), label_threshold=3, columns=("id",))
    assert report["rows"]["rejected"] == {"line too long": 1}
    assert {row[0] for found in everything(tmp_path).values() for row in found} == {
        str(n) for n in range(60) if n != 30
    }
    assert [reject["line"] for reject in rejects(tmp_path)] == [32]
