"""Compares the int8 model that training exported with the fp32 one, on reviews that training did not see.

    python -m benchmarks.int8_accuracy --data reviews.tsv.gz --model FOLDER [--trained 4000] [--rows 5000]

FOLDER is what the training image delivered with export_onnx=true, on the first sample of benchmarks/finetuning.py
(--rows of it is --trained here). Each text is a forward pass of its own. Prints one JSON object: the accuracy of both,
the share of equal classes, and the mean and the largest difference of a probability.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from benchmarks.finetuning_tasks import reviews, single
from contract.card import Card
from contract.machine import threads
from contract.onnx_export import FLOAT32_FILE, INT8_FILE, ONNX_FOLDER
from inference.worker.onnx_model import session

Array = np.ndarray[Any, np.dtype[Any]]


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.int8_accuracy")
    parser.add_argument("--data", type=Path, required=True, help="gzip file of tab-separated values with star_rating")
    parser.add_argument("--model", type=Path, required=True, help="model folder with exported models")
    parser.add_argument("--trained", type=int, default=4000, help="rows of the sample that the training saw")
    parser.add_argument("--rows", type=int, default=5000, help="rows to compare on")
    return parser.parse_args(arguments)


def unseen(data: Path, trained: int, rows: int) -> tuple[list[str], Array]:
    """Texts outside the training's sample, in a random order by a fixed seed, and their classes, int64 [rows]."""
    sample = single(reviews(data, rows, but=trained))
    return [str(row["text"]) for row in sample], np.array([row["label"] for row in sample], np.int64)


def probabilities(file: Path, rows: Sequence[Sequence[int]]) -> Array:
    """Probabilities [rows, labels] of the model in `file`, float32."""
    running = session(file, 1)
    names = [item.name for item in running.get_inputs()]

    def forward(ids: Sequence[int]) -> Array:
        row = np.array([ids], np.int64)
        known = {"input_ids": row, "attention_mask": np.ones_like(row)}
        values = {name: known.get(name, np.zeros_like(row)) for name in names}
        return np.asarray(running.run(["logits"], values)[0][0])

    with ThreadPoolExecutor(threads()) as pool:
        logits = np.stack(list(pool.map(forward, rows)))
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def compare(classes: Array, exact: Array, rounded: Array) -> dict[str, float]:
    """The figures that are printed, from the classes [rows] and probabilities [rows, labels] of fp32 and int8."""
    best, change = [values.argmax(axis=1) for values in (exact, rounded)], np.abs(exact - rounded)
    return {
        "rows": len(classes),
        "fp32_accuracy": float((best[0] == classes).mean()),
        "int8_accuracy": float((best[1] == classes).mean()),
        "agreement": float((best[0] == best[1]).mean()),
        "mean_change": float(change.mean()),
        "largest_change": float(change.max()),
    }


def main() -> None:
    """Compare and print."""
    options = parse()
    texts, classes = unseen(options.data, options.trained, options.rows)
    tokenizer = Tokenizer.from_file(str(options.model / "tokenizer.json"))
    tokenizer.enable_truncation(Card.read(options.model).max_length or 512)
    tokenizer.no_padding()
    rows = [one.ids for one in tokenizer.encode_batch(texts)]
    of_file = partial(probabilities, rows=rows)
    exact, rounded = (of_file(options.model / ONNX_FOLDER / name) for name in (FLOAT32_FILE, INT8_FILE))
    print(json.dumps(compare(classes, exact, rounded)))


if __name__ == "__main__":
    main()
