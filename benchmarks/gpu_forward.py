"""Measures the forward pass alone on a GPU, and the toolkit's handler, both in this process: bounds for any server.

    python -m benchmarks.gpu_forward MODEL TEXTS TOKENS BATCH SECONDS

MODEL is the folder of a classifier, TEXTS a file with one JSON string per line. The forward pass has batches of texts
of similar length, tokenized before, in bf16. The handler of sagemaker-huggingface-inference-toolkit calls a pipeline of
transformers with the text of one request after the other, in fp32: that is what runs here, without its server,
which needs Java. Prints {"forward": texts/s, "handler": texts/s}.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from benchmarks.gpu_steps import wait


def rate(call: Callable[[Any], int], work: Sequence[Any], seconds: float) -> float:
    """Texts/s of `call`, which returns how many texts it did, over the elements of `work`, repeated."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    for each in work[:3]:
        call(each)
    wait(device)
    started, done, place = time.perf_counter(), 0, 0
    while time.perf_counter() - started < seconds or not done:
        done, place = done + call(work[place % len(work)]), place + 1
    wait(device)
    return done / (time.perf_counter() - started)


def forward(folder: Path, texts: Sequence[str], tokens: int, size: int, seconds: float) -> float:
    """Texts/s of the model in bf16, with results copied back to the CPU."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = sorted(tokenizer(list(texts), truncation=True, max_length=tokens)["input_ids"], key=len)
    parts = [rows[start : start + size] for start in range(0, len(rows), size)]
    batches = [tokenizer.pad({"input_ids": part}, return_tensors="pt").to(device) for part in parts]
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.bfloat16).to(device).eval()

    @torch.inference_mode()
    def call(batch: dict[str, Any]) -> int:
        return len(model(**batch).logits.float().cpu())

    return rate(call, batches, seconds)


def handler(folder: Path, texts: Sequence[str], tokens: int, seconds: float) -> float:
    """Texts/s of the toolkit's handler: a pipeline, one text at a time."""
    device = 0 if torch.cuda.is_available() else -1
    classify = pipeline("text-classification", model=str(folder), device=device)
    return rate(lambda text: len(classify(text, truncation=True, max_length=tokens)), texts, seconds)


def main() -> None:
    """Measure and print both."""
    folder, path, tokens, size, seconds = sys.argv[1:]
    texts = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    alone = forward(Path(folder), texts, int(tokens), int(size), float(seconds))
    print(json.dumps({"forward": alone, "handler": handler(Path(folder), texts, int(tokens), float(seconds))}))


if __name__ == "__main__":
    main()
