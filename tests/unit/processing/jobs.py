"""Runs whole processing jobs in this process: writes input in each format, and reads the splits."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

from contract.paths import Paths
from processing import start
from processing.options import ProcessingOptions
from processing.rows.split import SPLITS

Write = Callable[[str, str | bytes], Path]
Row = tuple[Any, ...]
Kind = Literal["replicated", "sharded"]
KINDS: tuple[Kind, ...] = ("replicated", "sharded")


def run(base: Path, **options: Any) -> dict[str, Any]:
    """Run a job under `base`; returns its report."""
    paths = Paths(base)
    start.start(ProcessingOptions(max_length=8, **options), paths).run(paths)
    return json.loads(next(paths.processing_report.rglob("report.json")).read_text())


def on_host(
    base: Path,
    folder: Path,
    host: int,
    hosts: int,
    kind: Kind,
    options: dict[str, Any],
    names: Sequence[str] = (),
) -> dict[str, Any]:
    """Run the job of one of several hosts, with its own input and shared outputs.

    Hosts of sharded input need not run at the same time, unless an option needs what other hosts have.
    """
    names = list(names) or [f"algo-{number + 1}" for number in range(hosts)]
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
    fixed: dict[str, Any] = {"max_length": 8, "input": str(place), "input_distribution": kind}
    if "split_column" not in options:
        fixed["given_splits"] = "ignore"
    start.run(ProcessingOptions(**{**fixed, **options}), paths)
    return json.loads((paths.processing_report / names[host] / "report.json").read_text())


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


def texts(base: Path, *splits: str) -> list[Row]:
    return sorted(row for split in splits or SPLITS for row in rows(base, split, ("text", "labels", "input_ids")))


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


def from_parquet(folder: Path, cache: Path) -> datasets.Dataset:
    return datasets.Dataset.from_parquet([str(file) for file in sorted(folder.glob("*.parquet"))], cache_dir=str(cache))
