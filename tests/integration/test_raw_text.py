"""Files of raw text: training reads the rows that processing reads, with the same options, or says to process them."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pytest
from training_base import make_tokenizer
from unit.processing.jobs import run

from contract.card import Card
from contract.failures import UserError
from contract.paths import Paths
from training.data import channel, delimited
from training.data.raw_labels import RawLabels
from training.data.tokenization import TextEncoder
from training.options import TrainingOptions

pytestmark = pytest.mark.integration

WORDS = ["good, really", 'a "great" film', "two\nlines", "tab\there", "semi; colon", "it's | fine", "\u00e9t\u00e9"]
ROWS = [(f"{WORDS[i % len(WORDS)]} word{i}", ("pos", "NA", "007")[i % 3]) for i in range(60)]
PLAIN = [(text.replace("\n", " ").replace("\t", " "), label) for text, label in ROWS]


def written(
    delimiter: str = ",", quoting: int = csv.QUOTE_MINIMAL, header: bool = True, end: str = "\n", **how: Any
) -> str:
    """ROWS as the csv module writes them."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end, **how)  # type: ignore[arg-type]
    writer.writerows([*([("id", "text", "label")] if header else []), *((str(i), *row) for i, row in enumerate(ROWS))])
    return text.getvalue()


def tabs() -> str:
    """PLAIN with tabs and no quotes, as the sample of Amazon's reviews."""
    return "".join("\t".join(row) + "\n" for row in [("text", "label"), *PLAIN])


def lines(**how: Any) -> str:
    rows = ({"id": i, "text": text, "label": label} for i, (text, label) in enumerate(ROWS))
    return "".join(json.dumps(row, **how) + "\n" for row in rows)


NAMED = {"column_names": ("id", "text", "label")}
SAME: dict[str, tuple[str, bytes, dict[str, Any]]] = {
    "csv": ("a.csv", written().encode(), {}),
    "csv of Windows": ("a.csv", written(end="\r\n").encode("utf-8-sig"), {}),
    "csv, all in quotes": ("a.csv", written(quoting=csv.QUOTE_ALL).encode(), {}),
    "semicolons, detected": ("a.csv", written(";").encode(), {}),
    "semicolons, for Excel": ("a.csv", b"sep=;\n" + written(";").encode(), {}),
    "pipes, by option": ("a.csv", written("|").encode(), {"delimiter": "pipe"}),
    "another quote": ("a.csv", written(quotechar="'").encode(), {"quote": "'"}),
    "without header": ("a.csv", written(header=False).encode(), {"no_header": True} | NAMED),
    "other names": ("a.csv", written().replace("text,label", "x,y", 1).encode(), NAMED),
    "latin-1": ("a.csv", written().encode("latin-1"), {"encoding": "latin-1"}),
    "utf-16": ("a.csv", written().encode("utf-16"), {}),
    "utf-16 by option": ("a.csv", written().encode("utf-16-le"), {"encoding": "utf-16-le"}),
    "tsv without quotes": ("a.tsv", tabs().encode(), {}),
    "tsv of pandas": ("a.tsv", written("\t").encode(), {}),
    "tsv, quotes are data": ("a.tsv", tabs().encode(), {"quote": "none"}),
    "gzip": ("a.csv.gz", gzip.compress(written().encode()), {}),
    "zstd": ("a.tsv.zst", pa.compress(tabs().encode(), "zstd", asbytes=True), {}),
    "bz2": ("a.csv.bz2", bz2.compress(written().encode()), {}),
    "xz": ("a.jsonl.xz", lzma.compress(lines().encode()), {}),
    "JSON Lines": ("a.jsonl", lines().encode(), {}),
    "JSON Lines, no ASCII": ("a.json", lines(ensure_ascii=False).encode("utf-8-sig"), {}),
    "JSON array": ("a.json", json.dumps([json.loads(line) for line in lines().splitlines()], indent=1).encode(), {}),
    "rows with other counts": ("a.csv", (written() + "x\n1,2,3,4\n").encode(), {}),
    "blank lines": ("a.csv", written().replace("\n1,", "\n\n1,").encode(), {}),
}
PROCESSED: dict[str, tuple[str, bytes, dict[str, Any]]] = {
    "an open quote": ("a.csv", (written() + '61,"open,pos\n62,b,pos\n').encode(), {"stray_quotes": "reject"}),
    "a carriage return": ("a.csv", (written() + "61,a\rb,pos\n").encode(), {}),
    "bytes of another encoding": ("a.csv", written().encode() + b"61,a\xe9b,pos\n", {}),
    "line ends of old Macs": ("a.tsv", tabs().replace("\n", "\r").encode(), {}),
}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    make_tokenizer().save(str(file))
    return file


def processed(folder: Path, tokenizer: Path, **options: Any) -> list[tuple[str, str]]:
    """Texts and labels that a processing job reads in `folder`."""
    base = folder.parent / "processing"
    columns = {"text_column": "text", "label_column": "label", "columns": ("text",)}
    shares = {"train_ratio": 1.0, "validation_ratio": 0.0, "test_ratio": 0.0}
    run(base, input=str(folder), tokenizer=str(tokenizer), **columns, **shares, **options)
    part = next(Paths(base).processing_train.rglob("state.json")).parent
    rows, names = datasets.load_from_disk(str(part)), Card.read(part).label_names
    return [(text, names[label]) for text, label in zip(rows["text"], rows["labels"], strict=True)]


def trained_on(folder: Path, tokenizer: Path, **options: Any) -> list[tuple[str, str]]:
    """Texts and labels that a training reads in `folder`."""
    settings = delimited.text_settings(TrainingOptions(**options))
    encoder = TextEncoder(tokenizer, 8, text_column="text", labels=RawLabels("label"), settings=settings)
    found = channel.load(folder, encoder)
    return [(text, found.label_names[label]) for text, label in zip(found.rows["text"], found.labels, strict=True)]


def put(folder: Path, name: str, content: bytes) -> Path:
    folder.mkdir()
    (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize(("name", "content", "options"), SAME.values(), ids=SAME)
def test_training_reads_the_rows_that_processing_reads(
    tmp_path: Path, tokenizer: Path, name: str, content: bytes, options: dict[str, Any]
) -> None:
    folder = put(tmp_path / "in", name, content)
    rows = trained_on(folder, tokenizer, **options)
    assert rows == processed(folder, tokenizer, **options)
    assert rows in (ROWS, PLAIN)


@pytest.mark.parametrize(("name", "content", "options"), PROCESSED.values(), ids=PROCESSED)
def test_what_only_processing_reads_is_refused_by_training(
    tmp_path: Path, tokenizer: Path, name: str, content: bytes, options: dict[str, Any]
) -> None:
    folder = put(tmp_path / "in", name, content)
    assert len(processed(folder, tokenizer, **options)) >= len(ROWS)
    with pytest.raises(UserError, match="process it first"):
        trained_on(folder, tokenizer)


def lists_in_parquet(labels: list[Any], feature: Any = None) -> bytes:
    """The texts of ROWS with `labels` as the datasets library writes them."""
    buffer = io.BytesIO()
    rows = datasets.Dataset.from_dict({"text": [text for text, _ in ROWS], "label": labels})
    (rows if feature is None else rows.cast_column("label", feature)).to_parquet(buffer)
    return buffer.getvalue()


def lists_in_lines(labels: list[Any]) -> bytes:
    pairs = zip(ROWS, labels, strict=True)
    return "".join(json.dumps({"text": text, "label": label}) + "\n" for (text, _), label in pairs).encode()


SEVERAL: list[Any] = [(["rude"], ["\u00a0toxic", "rude"], [], ["toxic", "toxic"])[n % 4] for n in range(60)]
WHOLE: list[Any] = [([10], [2, 10], [], [0])[n % 4] for n in range(60)]
FLAGS: list[Any] = [([0, 1, 1], [1, 0, 0], [0, 0, 0])[n % 3] for n in range(60)]
NAMED_FEATURE = datasets.List(datasets.ClassLabel(names=["2", "toxic", "0"]))
LISTS: dict[str, tuple[str, bytes, tuple[str, ...]]] = {
    "names": ("a.jsonl", lists_in_lines(SEVERAL), ("rude", "toxic")),
    "names in parquet": ("a.parquet", lists_in_parquet(SEVERAL), ("rude", "toxic")),
    "whole numbers": ("a.jsonl", lists_in_lines(WHOLE), ("0", "2", "10")),
    "whole numbers in parquet": ("a.parquet", lists_in_parquet(WHOLE), ("0", "2", "10")),
    "whole numbers as floats": (
        "a.parquet",
        lists_in_parquet(WHOLE, datasets.List(datasets.Value("float64"))),
        ("0", "2", "10"),
    ),
    "0 and 1": ("a.jsonl", lists_in_lines(FLAGS), ("0", "1", "2")),
    "0 and 1 in parquet": ("a.parquet", lists_in_parquet(FLAGS), ("0", "1", "2")),
    "true and false": ("a.jsonl", lists_in_lines([[each == 1 for each in row] for row in FLAGS]), ("0", "1", "2")),
    "numbers of a ClassLabel": (
        "a.parquet",
        lists_in_parquet([([0], [2, 0], [], [1, 1])[n % 4] for n in range(60)], NAMED_FEATURE),
        ("2", "toxic", "0"),
    ),
}


@pytest.mark.parametrize("case", LISTS)
def test_lists_of_labels_are_the_same(tmp_path: Path, tokenizer: Path, case: str) -> None:
    name, content, names = LISTS[case]
    folder = put(tmp_path / "in", name, content)
    base, shares = tmp_path / "processing", {"train_ratio": 1.0, "validation_ratio": 0.0, "test_ratio": 0.0}
    report = run(base, input=str(folder), tokenizer=str(tokenizer), columns=("text",), **shares)
    part = next(Paths(base).processing_train.rglob("state.json")).parent
    prepared, card = datasets.load_from_disk(str(part)), Card.read(part)
    found = channel.load(folder, TextEncoder(tokenizer, 8))
    assert (card.label_names, card.problem_type) == (found.label_names, found.problem_type)
    assert card.label_names == names
    read = dict(zip(prepared["text"], prepared["labels"], strict=True))
    assert read == dict(zip(found.rows["text"], found.labels.tolist(), strict=True))
    repeats = 15 if "names" in case or "ClassLabel" in case else 0
    assert (report["rows"]["kept"], report["repeated_labels"]) == (60, repeats)
