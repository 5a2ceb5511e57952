"""Measures the throughput of the model's forward pass alone, an upper bound for any server on this machine.

    python -m benchmarks.ceiling MODEL TEXTS DTYPE SECONDS

TEXTS is a file with one JSON string per line; the texts are tokenized beforehand. DTYPE is that of torch, or onnx or
int8 for the files that training exported, or auto for the fastest that the server may choose: int8, else float32.
Prints {"ordinary": texts/s, "clients": texts/s, "best": texts/s}. "ordinary" is that of batches of 32 texts as they
come, padded, on all cores. The others are of batches of texts of similar length, which with ONNX Runtime each core runs
on its own, in the best of the sizes BATCHES: of each 32 texts as they come, the most that a server with 32 clients has
at a time, and of all texts at once.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from contract.machine import threads
from contract.onnx_export import FLOAT32_FILE, INT8_FILE, ONNX_FOLDER

BATCH = 32
BATCHES = (1, 8, 32)
WAYS = ("ordinary", "clients", "best")
MAX_LENGTH = 512

Forward = Callable[[dict[str, torch.Tensor]], None]


def batches(folder: str, texts: list[str], size: int, window: int) -> list[dict[str, torch.Tensor]]:
    """Inputs of the model: full batches of `size` texts; each `window` texts as they come are sorted by length."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    limit = min(MAX_LENGTH, tokenizer.model_max_length)
    rows = tokenizer(texts, truncation=True, max_length=limit)["input_ids"]
    rows = [row for start in range(0, len(rows), window) for row in sorted(rows[start : start + window], key=len)]
    parts = [rows[start : start + size] for start in range(0, len(rows) - size + 1, size)]
    return [dict(tokenizer.pad({"input_ids": part}, return_tensors="pt")) for part in parts]


def rate(forward: Forward, inputs: list[dict[str, torch.Tensor]], seconds: float, parallel: int = 1) -> float:
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


def torch_rates(folder: str, texts: list[str], dtype: str, seconds: float) -> Iterator[float]:
    """Texts/s of torch on the GPU, or on all cores, in the order of WAYS."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=getattr(torch, dtype))
    model = model.to(device).eval()

    @torch.inference_mode()
    def forward(batch: dict[str, torch.Tensor]) -> None:
        model(**batch).logits.float().cpu()

    def measured(size: int, window: int, part: float) -> float:
        inputs = batches(folder, texts, size, window)
        return rate(forward, [{name: values.to(device) for name, values in one.items()} for one in inputs], part)

    yield measured(BATCH, BATCH, seconds / len(WAYS))
    for window in (BATCH, len(texts)):
        yield max(measured(size, window, seconds / len(WAYS) / len(BATCHES)) for size in BATCHES)


def onnx_rates(folder: str, texts: list[str], file: Path, seconds: float) -> Iterator[float]:
    """Texts/s of ONNX Runtime, in the order of WAYS."""
    yield rate(onnx_forward(file, threads()), batches(folder, texts, BATCH, BATCH), seconds / len(WAYS))
    forward, part = onnx_forward(file, 1), seconds / len(WAYS) / len(BATCHES)
    for window in (BATCH, len(texts)):
        sizes = (batches(folder, texts, size, window) for size in BATCHES)
        yield max(rate(forward, inputs, part, threads()) for inputs in sizes)


def onnx_forward(file: Path, cores: int) -> Forward:
    """The forward pass of an exported model with `cores` threads."""
    from inference.worker.onnx_model import session

    running = session(file, cores)
    names = [item.name for item in running.get_inputs()]

    def forward(batch: dict[str, torch.Tensor]) -> None:
        zeros = torch.zeros_like(batch["input_ids"])
        running.run(["logits"], {name: batch.get(name, zeros).numpy() for name in names})

    return forward


def main() -> None:
    """Measure and print the throughput."""
    folder, path, dtype, seconds = sys.argv[1:]
    texts = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    exported = {"onnx": FLOAT32_FILE, "int8": INT8_FILE, "auto": INT8_FILE}
    file = Path(folder) / ONNX_FOLDER / exported.get(dtype, "")
    if dtype in exported and file.is_file():
        rates = onnx_rates(folder, texts, file, float(seconds))
    else:
        rates = torch_rates(folder, texts, "float32" if dtype == "auto" else dtype, float(seconds))
    print(json.dumps(dict(zip(WAYS, rates, strict=True))))


if __name__ == "__main__":
    main()
