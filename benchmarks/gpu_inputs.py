"""Inputs of `make gpu-check` and `make gpu-bench`: reviews as channels, MiniLM-L6 from a kit, an untrained BERT-base.

Nothing here needs DuckDB, fast tokenizers or a network, which a bare GPU machine lacks.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import itertools
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import models
from contract.failures import UserError
from contract.files import write_json, write_text
from examples.demo.model import write_model
from examples.demo.reviews import write_reviews

TEXT, STARS, POSITIVE = "review_body", "star_rating", 4
SMALL_ROWS, SMALL_LENGTH = 160, 32
# Of --small: as many layers as two and as wide as 64 cost next to nothing, and are trained in seconds.
SMALL_SIZES = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128}
MODEL_VARIABLE, DATA_VARIABLE, OUTPUT_VARIABLE = "GPU_MODEL", "GPU_DATA", "OUT"


@dataclass(frozen=True)
class Row:
    """A review and whether it has four stars or more."""

    text: str
    label: int


@dataclass(frozen=True)
class Inputs:
    """Rows and the pretrained model.

    Attributes:
        model: folder with config.json, tokenizer.json, model.safetensors; without the last in --small.
        rows: all rows.
        small: whether everything is small enough for CPUs.
    """

    model: Path
    rows: Sequence[Row]
    small: bool


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add --model, --data, --output and --small to a parser; the environment gives the defaults of the first three."""
    parser.add_argument("--model", type=Path, default=os.environ.get(MODEL_VARIABLE), help="folder of MiniLM-L6")
    parser.add_argument("--data", type=Path, default=os.environ.get(DATA_VARIABLE), help="gzip file of reviews")
    output = os.environ.get(OUTPUT_VARIABLE, ".build/gpu")
    parser.add_argument("--output", type=Path, default=output, help="folder for the results")
    parser.add_argument("--small", action="store_true", help="a tiny model and generated reviews, for CPUs")


def prepare(options: argparse.Namespace, folder: Path) -> Inputs:
    """The inputs that the options name, or with --small generated ones in `folder`.

    Raises:
        UserError: --model or --data is missing, or a file of the model is.
    """
    if options.small:
        reviews, model = folder / "reviews.tsv.gz", folder / "small"
        write_reviews(reviews, SMALL_ROWS)
        write_model(model, reviews, TEXT, SMALL_LENGTH)
        return Inputs(model, read(reviews, SMALL_ROWS), small=True)
    if options.model is None or options.data is None:
        raise UserError("--model or --data is not set; expected both, the kits of `make gpu-kit`, or --small")
    return Inputs(models.locate(str(options.model)), read(options.data), small=False)


def read(path: Path, most: int | None = None) -> list[Row]:
    """The first `most` rows of a gzip file of tab-separated values without quotes; broken lines are skipped."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        whole = (row for row in rows if row[TEXT] and (row[STARS] or "").isdigit())
        return [Row(row[TEXT], int(int(row[STARS]) >= POSITIVE)) for row in itertools.islice(whole, most)]


def write_channels(folder: Path, rows: Sequence[Row], model: Path) -> Path:
    """Write four fifths of `rows` as channel train, the rest as validation, and link the model; returns `folder`."""
    border = len(rows) * 4 // 5
    for channel, part in {"train": rows[:border], "validation": rows[border:]}.items():
        write_rows(folder / "data" / channel / "rows.jsonl", part)
    (folder / "data" / "model").symlink_to(model.resolve())
    return folder


def write_rows(file: Path, rows: Sequence[Row]) -> None:
    """Write rows with text and label as JSON Lines."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, "".join(json.dumps({"text": row.text, "label": row.label}) + "\n" for row in rows))


def write_bert_base(folder: Path, inputs: Inputs) -> Path:
    """Write BERT-base (110 million parameters) without weights, with the tokenizer of the pretrained model.

    With --small a BERT of the same kind and next to no size.
    """
    from transformers import BertConfig

    shutil.copytree(inputs.model, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    vocabulary = BertConfig.from_pretrained(inputs.model).vocab_size
    config = BertConfig(vocab_size=vocabulary, **(SMALL_SIZES if inputs.small else {}))
    write_json(folder / "config.json", {**config.to_dict(), "architectures": ["BertForSequenceClassification"]})
    return folder
