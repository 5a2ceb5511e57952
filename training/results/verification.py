"""Reloads the delivered model folder as inference does and compares its answers with the evaluation's."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from transformers import AutoModelForSequenceClassification, PreTrainedModel, TrainingArguments

from contract.tokenizer import TOKENIZER_FILE
from training.data.channel import Channel, by_length
from training.data.collator import PaddingCollator, unpadded
from training.data.columns import TEXT
from training.data.tokenization import TextEncoder
from training.evaluation.predictions import Predictions, softmax
from training.model.loading import loading_report_off

# Of the sample: enough to see a wrong model, few enough to take seconds.
MOST_ROWS, MOST_TOKENS, ROWS_OF_A_BATCH = 256, 16_384, 8
# Total variation distance of a row's probabilities: the largest over the rows in fp32, and the mean in 16 bits, where
# single rows differ with the batch that they are in.
FP32_TOLERANCE, HALF_TOLERANCE = 1e-3, 2e-2
# In 16 bits rows near the decision threshold may change sides, but not many.
ACCURACY_TOLERANCE = 0.05

log = logging.getLogger(__name__)


class DeliveryError(Exception):
    """What was to be delivered is not what was judged."""


@dataclass(frozen=True)
class Judged:
    """What the trained model said of a channel.

    Attributes:
        channel: the rows.
        predictions: for them, in the order of data.by_length.
        max_length: to which inference cuts a text, in tokens.
    """

    channel: Channel
    predictions: Predictions
    max_length: int


def verify(folder: Path, judged: Judged, args: TrainingArguments) -> None:
    """Hold the answers of the model in `folder` on a sample of rows against those of the trained one.

    Raises:
        DeliveryError: they differ by more than rounding.
    """
    rows = sample(np.sort(judged.channel.lengths)[::-1])
    expected = judged.predictions.probabilities[rows]
    found = probabilities(load(folder), token_ids(folder, judged, rows), args)
    half = args.bf16 or args.fp16
    distance = total_variation(found, expected)
    worst = float(distance.mean() if half else distance.max())
    labels = judged.predictions.labels[rows]
    before, after = (float((each.argmax(-1) == labels).mean()) for each in (expected, found))
    if not (worst <= (HALF_TOLERANCE if half else FP32_TOLERANCE) and abs(after - before) <= ACCURACY_TOLERANCE):
        raise DeliveryError(
            f"the model folder, loaded anew, has accuracy {after:.4f} on {len(rows)} rows of validation where the "
            f"trained model had {before:.4f}; the probabilities of a row differ by {worst:.2g}: it is not delivered"
        )
    log.info(
        "the model folder, loaded anew, gives the same answers on %d rows of validation (accuracy %.4f and %.4f, %s "
        "difference of a row's probabilities %.1e)",
        *(len(rows), before, after, "mean" if half else "largest", worst),
    )


def total_variation(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """(rows,) float64, 0..1: half the sum of absolute differences of a row's probabilities, whatever the classes.

    Args:
        found, expected: (rows, classes).
    """
    return np.abs(found - expected).sum(-1) / 2


def sample(lengths: np.ndarray, most_rows: int = MOST_ROWS, most_tokens: int = MOST_TOKENS) -> np.ndarray:
    """Places of the rows to try, evenly over all lengths, the longest among them.

    Args:
        lengths: (rows,) int64, in descending order.
    """
    affordable = int(np.clip(most_tokens / lengths.mean(), 1, most_rows))
    return np.unique(np.linspace(0, len(lengths) - 1, min(affordable, len(lengths))).astype(np.int64))


def load(folder: Path) -> PreTrainedModel:
    """The model in `folder`, in fp32.

    Raises:
        DeliveryError: a tensor of it is missing in its file, or the file has others.
    """
    with loading_report_off():
        model, found = AutoModelForSequenceClassification.from_pretrained(
            folder, use_safetensors=True, trust_remote_code=False, dtype=torch.float32, output_loading_info=True
        )
    wrong = sorted({*found["missing_keys"], *found["unexpected_keys"]})
    if wrong or found["mismatched_keys"]:
        raise DeliveryError(f"the weights in the model folder are not those of its configuration: {', '.join(wrong)}")
    return model.eval()


def token_ids(folder: Path, judged: Judged, rows: np.ndarray) -> list[list[int]]:
    """Each row's ids as inference has them: from its text where that was tokenized here, else the stored ones, cut."""
    chosen = by_length(judged.channel).select(rows)
    if judged.channel.tokenized_here:
        # Not the table's column, which has all rows, the ones that were not chosen too.
        texts = pa.chunked_array([pa.array(list(chosen[TEXT]), pa.string())])
        ids: list[Any] = TextEncoder(folder / TOKENIZER_FILE, judged.max_length).ids(texts).to_pylist()
        return ids
    return [unpadded(row)[: judged.max_length] for row in chosen]


def probabilities(model: PreTrainedModel, rows: Sequence[Sequence[int]], args: TrainingArguments) -> np.ndarray:
    """(rows, classes) float64, on the training's device, or on the CPU where that has no memory left."""
    try:
        return answers(model, rows, args, args.device)
    except torch.OutOfMemoryError:
        return answers(model, rows, args, torch.device("cpu"))


def answers(
    model: PreTrainedModel, rows: Sequence[Sequence[int]], args: TrainingArguments, device: torch.device
) -> np.ndarray:
    model, collator = model.to(device), PaddingCollator(model.config.pad_token_id, multiple=1)
    dtype = torch.bfloat16 if args.bf16 else torch.float16
    parts = []
    with torch.inference_mode(), torch.autocast(device.type, dtype, enabled=args.bf16 or args.fp16):
        for start in range(0, len(rows), ROWS_OF_A_BATCH):
            batch = collator([{"input_ids": ids, "labels": 0} for ids in rows[start : start + ROWS_OF_A_BATCH]])
            logits = model(
                input_ids=batch["input_ids"].to(device), attention_mask=batch["attention_mask"].to(device)
            ).logits
            parts.append(logits.float().cpu().numpy().astype(np.float64))
    return softmax(np.concatenate(parts))
