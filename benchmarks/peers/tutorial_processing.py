"""Processing as the HuggingFaceProcessor tutorial goes about it, for benchmarks/processing.py.

pandas reads the whole file, a lambda binarizes, rows are shuffled and cut in three, and
datasets.map tokenizes a split as one batch, padding every row to max_length. --batch-rows and
--no-padding make it what a more careful user writes.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import pandas as pd
from datasets import Dataset
from transformers import AutoTokenizer


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--input", "--tokenizer", "--output"):
        parser.add_argument(name, required=True)
    parser.add_argument("--max-length", type=int, required=True)
    parser.add_argument("--batch-rows", type=int, help="default: all rows of a split")
    parser.add_argument("--no-padding", action="store_true")
    given = parser.parse_args()

    frame = pd.read_csv(given.input, sep="\t", quoting=csv.QUOTE_NONE, on_bad_lines="skip")
    frame = frame[["review_body", "star_rating"]].dropna()
    frame["label"] = frame["star_rating"].apply(lambda stars: 1 if stars >= 4 else 0)
    frame = frame.drop(columns="star_rating").sample(frac=1, random_state=42)
    first, second = int(0.8 * len(frame)), int(0.9 * len(frame))
    tokenizer = AutoTokenizer.from_pretrained(given.tokenizer)

    def tokenize(batch: dict[str, list[str]]) -> dict[str, list[list[int]]]:
        padding = False if given.no_padding else "max_length"
        return dict(tokenizer(batch["review_body"], padding=padding, truncation=True, max_length=given.max_length))

    for name, part in {"train": frame[:first], "validation": frame[first:second], "test": frame[second:]}.items():
        dataset = Dataset.from_pandas(part, preserve_index=False)
        rows = given.batch_rows or len(dataset)
        dataset.map(tokenize, batched=True, batch_size=rows).save_to_disk(str(Path(given.output) / name))


if __name__ == "__main__":
    main()
