"""Measures training steps in one process: batches with padding, without padding by flash attention, by torch.compile.

    python -m benchmarks.gpu_steps MODEL ROWS TOKENS BATCH SECONDS VARIANT ...

MODEL is the folder of a BERT, ROWS a file of JSON Lines with text and label. Prints one JSON object a variant:
samples/s, tokens/s without padding, the model FLOPs utilization (MFU) and the peak memory of the GPU. It has no data
loader, evaluation or checkpoint: what the training image reaches is to be compared with it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch.nn.functional import cross_entropy, scaled_dot_product_attention
from transformers import AttentionInterface, AutoConfig, AutoModelForSequenceClassification
from transformers.masking_utils import AttentionMaskInterface

from training.data.collator import PaddingCollator
from training.throughput import Cost

PACKED = "benchmark_packed"
WARM_UP = 3
Batch = dict[str, torch.Tensor]
Forward = Callable[[Any, Batch], torch.Tensor]


@dataclass
class Packing:
    """Where the rows of the packed batch begin that is computed now; the attention function has no other way to know.

    Attributes:
        borders: (rows + 1,) int32, places of the first tokens, and the number of tokens.
        longest: tokens of the longest row.
    """

    borders: torch.Tensor
    longest: int = 0


PACKING = Packing(torch.zeros(1, dtype=torch.int32))


def packed_attention(
    _module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *_: Any, **__: Any
) -> tuple[torch.Tensor, None]:
    """Attention within each row of PACKING, without padding: transformers' interface of attention functions.

    Args:
        query, key, value: (1, heads, tokens, width of a head).

    Returns:
        (1, tokens, heads, width of a head), and no weights. Attention has no dropout.
    """
    if query.device.type == "cpu":
        ends = PACKING.borders.tolist()
        rows = [slice(start, end) for start, end in pairwise(ends)]
        parts = [scaled_dot_product_attention(*(each[:, :, row] for each in (query, key, value))) for row in rows]
        return torch.cat(parts, dim=2).transpose(1, 2), None
    flat = [each[0].transpose(0, 1).contiguous() for each in (query, key, value)]
    places = (PACKING.borders, PACKING.borders, PACKING.longest, PACKING.longest)
    return flash_attention()(*flat, *places)[None], None


def flash_attention() -> Callable[..., torch.Tensor]:
    """FlashAttention for rows of different lengths: the package flash-attn, or PyTorch's own (2.10 and later)."""
    try:
        from flash_attn import flash_attn_varlen_func
    except ImportError:
        from torch.nn.attention.varlen import varlen_attn

        return varlen_attn
    return flash_attn_varlen_func


def padded(model: Any, batch: Batch) -> torch.Tensor:
    """Logits (rows, classes) of a padded batch."""
    return model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits


def packed(model: Any, batch: Batch) -> torch.Tensor:
    """Logits (rows, classes) of a batch whose padding is left out before the first layer."""
    # Batches are padded to their longest row.
    PACKING.borders, PACKING.longest = batch["borders"], batch["input_ids"].shape[1]
    hidden = model.bert.embeddings(input_ids=batch["packed"], position_ids=batch["positions"])
    hidden = model.bert.encoder(hidden, attention_mask=None).last_hidden_state
    first = hidden[0, PACKING.borders[:-1].long()]
    return model.classifier(model.dropout(model.bert.pooler(first[:, None])))


def load(folder: Path, attention: str, device: torch.device) -> Any:
    """The model to train, in fp32; with random weights where the folder has none."""
    torch.manual_seed(0)
    if (folder / "model.safetensors").is_file():
        model = AutoModelForSequenceClassification.from_pretrained(
            folder, dtype=torch.float32, attn_implementation=attention
        )
    else:
        config = AutoConfig.from_pretrained(folder)
        model = AutoModelForSequenceClassification.from_config(config, attn_implementation=attention)
    return model.to(device).train()


def batches(folder: Path, rows: Path, tokens: int, size: int) -> list[Batch]:
    """Batches of rows of similar length, in pinned memory where there is a GPU; a last, smaller one is left out."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(tokens)
    read = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    encoded = tokenizer.encode_batch([row["text"] for row in read])
    found = [{"input_ids": one.ids, "labels": row["label"]} for one, row in zip(encoded, read, strict=True)]
    found.sort(key=lambda row: len(row["input_ids"]))
    collate = PaddingCollator(AutoConfig.from_pretrained(folder).pad_token_id or 0)
    made = [with_packed(collate(found[start : start + size])) for start in range(0, len(found) - size + 1, size)]
    pinned = torch.cuda.is_available()
    return [{name: part.pin_memory() if pinned else part for name, part in batch.items()} for batch in made]


def with_packed(batch: Batch) -> Batch:
    """`batch` with its rows behind one another, too; on the CPU, as a GPU would have to be waited for.

    Returns:
        Also packed and positions, (1, tokens) int64, and borders, (rows + 1,) int32.
    """
    mask = batch["attention_mask"].bool()
    borders = torch.nn.functional.pad(mask.sum(1).cumsum(0), (1, 0)).to(torch.int32)
    positions = torch.arange(mask.shape[1]).expand(mask.shape)[mask]
    return {**batch, "packed": batch["input_ids"][mask][None], "positions": positions[None], "borders": borders}


def steps(model: Any, forward: Forward, made: Sequence[Batch], device: torch.device) -> Iterator[Batch]:
    """Train without end; yields each batch, on the CPU, once its step is on its way."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, fused=True)
    while True:
        # From both ends, so that a short measurement sees all lengths alike.
        for batch in [made[place // 2 if place % 2 == 0 else -1 - place // 2] for place in range(len(made))]:
            here = {name: part.to(device, non_blocking=True) for name, part in batch.items()}
            with torch.autocast(device.type, torch.bfloat16):
                logits = forward(model, here)
            cross_entropy(logits.float(), here["labels"]).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            yield batch


def wait(device: torch.device) -> None:
    """Wait until the GPU has nothing left to compute."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def measure(model: Any, forward: Forward, made: Sequence[Batch], seconds: float) -> dict[str, float | None]:
    """Train for `seconds` and at least one step after the warm-up of all widths; returns the figures."""
    device = next(model.parameters()).device
    cost, running = Cost.of(model), steps(model, forward, made, device)
    for _ in range(WARM_UP):
        next(running)
    wait(device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    rows, tokens, pairs, started = 0, 0, 0, time.perf_counter()
    while time.perf_counter() - started < seconds or not rows:
        lengths = next(running)["attention_mask"].sum(1)
        rows, tokens, pairs = rows + len(lengths), tokens + int(lengths.sum()), pairs + int((lengths**2).sum())
    wait(device)
    elapsed = time.perf_counter() - started
    on_gpu = device.type == "cuda"
    share = cost.share(tokens, pairs, elapsed, torch.cuda.get_device_name()) if on_gpu else None
    memory = torch.cuda.max_memory_allocated() / 1e6 if on_gpu else None
    return {"samples": rows / elapsed, "tokens": tokens / elapsed, "mfu": share, "memory": memory}


def variant(name: str, folder: Path, made: Sequence[Batch], seconds: float) -> dict[str, float | None]:
    """Figures of one way to compute a step."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "without padding":
        return measure(load(folder, PACKED, device), packed, made, seconds)
    model = load(folder, "sdpa", device)
    if name == "torch.compile":
        # Code for CPUs takes a minute to compile, and says nothing of GPUs.
        model.compile(dynamic=True, backend="inductor" if device.type == "cuda" else "eager")
    return measure(model, padded, made, seconds)


def main() -> None:
    """Measure each variant and print its figures as soon as they are known."""
    folder, rows, tokens, size, seconds, *names = sys.argv[1:]
    AttentionInterface.register(PACKED, packed_attention)
    AttentionMaskInterface.register(PACKED, lambda *_, **__: None)
    made = batches(Path(folder), Path(rows), int(tokens), int(size))
    for name in names:
        try:
            figures = variant(name, Path(folder), made, float(seconds))
        except Exception as error:  # The other variants are still of use.
            figures = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}  # type: ignore[dict-item]
        print(json.dumps({"program": name, **figures}), flush=True)


if __name__ == "__main__":
    main()
