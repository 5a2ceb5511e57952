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
