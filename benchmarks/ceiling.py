"""Measures the throughput of the model's forward pass alone, an upper bound for any server on this machine.

    python -m benchmarks.ceiling MODEL TEXTS DTYPE SECONDS

TEXTS is a file with one JSON string per line; the texts are tokenized beforehand. DTYPE is that of torch, or onnx or
int8 for the files that training exported, or auto for the fastest that the server may choose: int8, else float32.
Prints {"ordinary": texts/s, "clients": texts/s, "best": texts/s}. "ordinary" is that of batches of 32 texts as they
come, padded, on all cores. The others are of batches of texts of similar length, which with ONNX Runtime each core runs
on its own, in the best of the sizes BATCHES: of each 32 texts as they come, the most that a server with 32 clients has
at a time, and of all texts at once. The best size is found first and then measured, as the best of several measurements
is too high. SECONDS is the time of each of the three.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from contract.machine import threads
from contract.onnx_export import FLOAT32_FILE, INT8_FILE, ONNX_FOLDER

BATCH = 32
BATCHES = (1, 8, 32)
WAYS = ("ordinary", "clients", "best")
MAX_LENGTH = 512

Batch = dict[str, torch.Tensor]
Forward = Callable[[Batch], None]


@dataclass(frozen=True)
class Texts:
    """Tokenized texts: `rows` of token ids, of which `tokenizer` makes batches on `device`."""

    tokenizer: Any
    rows: list[list[int]]
    device: str = "cpu"

    @classmethod
    def of(cls, folder: str, texts: list[str]) -> Texts:
        """`texts`, tokenized by the tokenizer in `folder`."""
        tokenizer = AutoTokenizer.from_pretrained(folder)
        limit = min(MAX_LENGTH, tokenizer.model_max_length)
        return cls(tokenizer, tokenizer(texts, truncation=True, max_length=limit)["input_ids"])

    def batches(self, size: int, window: int) -> list[Batch]:
        """Inputs of the model: full batches of `size` texts; each `window` texts as they come are sorted by length."""
        windows = (self.rows[start : start + window] for start in range(0, len(self.rows), window))
        rows = [row for part in windows for row in sorted(part, key=len)]
        parts = [rows[start : start + size] for start in range(0, len(rows) - size + 1, size)]
        return [dict(self.tokenizer.pad({"input_ids": part}, return_tensors="pt").to(self.device)) for part in parts]


def rate(forward: Forward, inputs: list[Batch], seconds: float, parallel: int = 1) -> float:
    """Texts/s over whole rounds of `inputs` until `seconds` have passed, after one batch of warm-up.

    Args:
        forward: one forward pass.
        parallel: number of batches that run at the same time.
    """
    forward(inputs[0])
    texts = sum(len(batch["input_ids"]) for batch in inputs)
    with ThreadPoolExecutor(parallel) as pool:
        started, done = time.perf_counter(), 0
        while (elapsed := time.perf_counter() - started) < seconds:
            # The longest first, so that no thread is left with one at the end.
            list(pool.map(forward, reversed(inputs)))
            done += texts
    return done / elapsed


def best_rate(forward: Forward, texts: Texts, window: int, seconds: float, parallel: int = 1) -> float:
    """As `rate`, with batches of the best of BATCHES, which are sorted by length within each `window` texts."""
    sizes = [texts.batches(size, window) for size in BATCHES]
    best = max(sizes, key=lambda inputs: rate(forward, inputs, seconds / 4, parallel))
    return rate(forward, best, seconds, parallel)


def torch_rates(folder: str, texts: Texts, dtype: str, seconds: float) -> Iterator[float]:
    """Texts/s of torch on the GPU, or on all cores, in the order of WAYS."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    # Not within the forward pass, whose time is measured.
    texts = replace(texts, device=device)
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=getattr(torch, dtype))
    model = model.to(device).eval()

    @torch.inference_mode()
    def forward(batch: Batch) -> None:
        model(**batch).logits.float().cpu()

    yield rate(forward, texts.batches(BATCH, BATCH), seconds)
    for window in (BATCH, len(texts.rows)):
        yield best_rate(forward, texts, window, seconds)


def onnx_rates(texts: Texts, file: Path, seconds: float) -> Iterator[float]:
    """Texts/s of ONNX Runtime, in the order of WAYS."""
    yield rate(onnx_forward(file, threads()), texts.batches(BATCH, BATCH), seconds)
    forward = onnx_forward(file, 1)
    for window in (BATCH, len(texts.rows)):
        yield best_rate(forward, texts, window, seconds, threads())


def onnx_forward(file: Path, cores: int) -> Forward:
    """The forward pass of an exported model with `cores` threads."""
    from inference.worker.onnx_model import session

    running = session(file, cores)
    names = [item.name for item in running.get_inputs()]

    def forward(batch: Batch) -> None:
        zeros = torch.zeros_like(batch["input_ids"])
        running.run(["logits"], {name: batch.get(name, zeros).numpy() for name in names})

    return forward


def main() -> None:
    """Measure and print the throughput."""
    folder, path, dtype, seconds = sys.argv[1:]
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    texts = Texts.of(folder, [json.loads(line) for line in lines])
    exported = {"onnx": FLOAT32_FILE, "int8": INT8_FILE, "auto": INT8_FILE}
    file = Path(folder) / ONNX_FOLDER / exported.get(dtype, "")
    if dtype in exported and file.is_file():
        rates = onnx_rates(texts, file, float(seconds))
    else:
        rates = torch_rates(folder, texts, "float32" if dtype == "auto" else dtype, float(seconds))
    print(json.dumps(dict(zip(WAYS, rates, strict=True))))


if __name__ == "__main__":
    main()
