"""Processes reviews as in the HuggingFaceProcessor tutorial, for benchmarks/processing.py.

pandas reads the whole file, a lambda computes the labels, rows are shuffled and split, and datasets.map
tokenizes each split as one batch and pads every row to max_length. With --batch-rows and --no-padding
it is more efficient than the tutorial.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import pandas as pd
from datasets import Dataset
from transformers import AutoTokenizer


def main() -> None:
    """Process the reviews."""
    parser = argparse.ArgumentParser()
    for name in ("--input", "--tokenizer", "--output"):
        parser.add_argument(name, required=True)
    parser.add_argument("--max-length", type=int, required=True)
    parser.add_argument("--batch-rows", type=int, help="default: all rows of a split")
    parser.add_argument("--no-padding", action="store_true")
    options = parser.parse_args()

    frame = pd.read_csv(options.input, sep="\t", quoting=csv.QUOTE_NONE, on_bad_lines="skip")
    frame = frame[["review_body", "star_rating"]].dropna()
    frame["label"] = frame["star_rating"].apply(lambda stars: 1 if stars >= 4 else 0)
    frame = frame.drop(columns="star_rating").sample(frac=1, random_state=42)
    first, second = int(0.8 * len(frame)), int(0.9 * len(frame))
    tokenizer = AutoTokenizer.from_pretrained(options.tokenizer)

    def tokenize(batch: dict[str, list[str]]) -> dict[str, list[list[int]]]:
        padding = False if options.no_padding else "max_length"
        return dict(tokenizer(batch["review_body"], padding=padding, truncation=True, max_length=options.max_length))

    for name, part in {"train": frame[:first], "validation": frame[first:second], "test": frame[second:]}.items():
        dataset = Dataset.from_pandas(part, preserve_index=False)
        rows = options.batch_rows or len(dataset)
        dataset.map(tokenize, batched=True, batch_size=rows).save_to_disk(str(Path(options.output) / name))


if __name__ == "__main__":
    main()
