"""Measures the throughput of the model's forward pass alone, an upper bound for any server on this machine.

    python -m benchmarks.ceiling MODEL TEXTS DTYPE SECONDS

TEXTS is a file with one JSON string per line. The texts are tokenized and sorted by length beforehand, and
run in batches of 32, without server and responses. Prints {"rate": texts/s}.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

BATCH = 32
MAX_LENGTH = 512


def batches(folder: str, texts: list[str], device: torch.device) -> list[dict[str, Any]]:
    """Inputs of the model: full batches of texts of similar length, sorted by length."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    limit = min(MAX_LENGTH, tokenizer.model_max_length)
    rows = sorted(tokenizer(texts, truncation=True, max_length=limit)["input_ids"], key=len)
    parts = [rows[start : start + BATCH] for start in range(0, len(rows) - BATCH + 1, BATCH)]
    return [tokenizer.pad({"input_ids": part}, return_tensors="pt").to(device) for part in parts]


def rate(forward: Callable[[dict[str, Any]], None], inputs: list[dict[str, Any]], seconds: float) -> float:
    """Texts/s over whole rounds of `inputs` until `seconds` have passed, after one batch of warm-up."""
    forward(inputs[0])
    started, done = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - started) < seconds:
        for batch in inputs:
            forward(batch)
        done += BATCH * len(inputs)
    return done / elapsed


def main() -> None:
    """Measure and print the throughput."""
    folder, path, dtype, seconds = sys.argv[1:]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    texts = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=getattr(torch, dtype))
    model = model.to(device).eval()

    @torch.inference_mode()
    def forward(batch: dict[str, Any]) -> None:
        model(**batch).logits.float().cpu()

    print(json.dumps({"rate": rate(forward, batches(folder, texts, device), float(seconds))}))


if __name__ == "__main__":
    main()
