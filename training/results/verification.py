"""Reloads the delivered model folder as inference does and compares its answers with the evaluation's."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from transformers import AutoModelForSequenceClassification, PreTrainedModel, TrainingArguments

from contract.card import LONGEST_FIRST, MULTI_LABEL, REGRESSION, SINGLE_LABEL
from contract.tokenizer import TOKENIZER_FILE
from training.data.channel import Channel, by_length
from training.data.collator import PaddingCollator, unpadded
from training.data.columns import IDS, PAIR, TEXT, TYPES
from training.data.tokenization import TextEncoder
from training.evaluation.predictions import Predictions, scores_of
from training.model.loading import loading_report_off

# Of the sample: enough to see a wrong model, few enough to take seconds.
MOST_ROWS, MOST_TOKENS, ROWS_OF_A_BATCH = 256, 16_384, 8
# Total variation distance of a row's probabilities: the largest over the rows in fp32, and the mean in 16 bits, where
# single rows differ with the batch that they are in.
FP32_TOLERANCE, HALF_TOLERANCE = 1e-3, 2e-2
# In 16 bits rows near the decision threshold may change sides, but not many.
ACCURACY_TOLERANCE = 0.05

# What `measure` gives.
MEASURES = {SINGLE_LABEL: "accuracy", MULTI_LABEL: "accuracy of labels", REGRESSION: "relative squared error"}

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
        truncation: how it cuts pairs of texts.
    """

    channel: Channel
    predictions: Predictions
    max_length: int
    truncation: str = LONGEST_FIRST


def verify(folder: Path, judged: Judged, args: TrainingArguments) -> None:
    """Hold the answers of the model in `folder` on a sample of rows against those of the trained one.

    Raises:
        DeliveryError: they differ by more than rounding.
    """
    rows = sample(np.sort(judged.channel.lengths)[::-1])
    before = replace(judged.predictions, labels=judged.predictions.labels[rows], scores=judged.predictions.scores[rows])
    found = scores(load(folder), tokenized(folder, judged, rows), before.problem_type, args)
    half = args.bf16 or args.fp16
    distances = distance(found, before)
    worst = float(distances.mean() if half else distances.max())
    name, (expected, actual) = MEASURES[before.problem_type], map(measure, (before, replace(before, scores=found)))
    if not (worst <= (HALF_TOLERANCE if half else FP32_TOLERANCE) and abs(actual - expected) <= ACCURACY_TOLERANCE):
        raise DeliveryError(
            f"the model folder, loaded anew, has {name} {actual:.4f} on {len(rows)} rows of validation where the "
            f"trained model had {expected:.4f}; the probabilities of a row differ by {worst:.2g}: it is not delivered"
        )
    log.info(
        "the model folder, loaded anew, gives the same answers on %d rows of validation (%s %.4f and %.4f, %s "
        "difference of a row's probabilities %.1e)",
        *(len(rows), name, expected, actual, "mean" if half else "largest", worst),
    )


def distance(found: np.ndarray, before: Predictions) -> np.ndarray:
    """(rows,) float64: how far apart the scores of a row are, by problem type.

    Probabilities of classes by their total variation, those of labels by the largest difference, and numbers by their
    difference over the spread of the labels, or over their size where that is larger.
    """
    expected = before.scores
    if before.problem_type == MULTI_LABEL:
        return np.abs(found - expected).max(-1)
    if before.problem_type == REGRESSION:
        size = np.maximum(np.abs(expected[:, 0]), max(float(before.labels.std()), 1e-6))
        return np.abs(found - expected)[:, 0] / size
    return total_variation(found, expected)


def measure(found: Predictions) -> float:
    """The share of right answers, or for numbers the mean of the squared error over the variance of the labels."""
    if found.problem_type == REGRESSION:
        variance = max(float(found.labels.var()), 1e-6)
        return float(((found.predicted - found.labels) ** 2).mean() / max(variance, float((found.labels**2).mean())))
    return float((found.predicted == found.labels).mean())


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


def tokenized(folder: Path, judged: Judged, rows: np.ndarray) -> list[dict[str, list[int]]]:
    """Each row's ids and types as inference has them: from its text if that was tokenized here, else as stored, cut."""
    chosen = by_length(judged.channel).select(rows)
    if judged.channel.tokenized_here:
        # Not the table's column, which has all rows, the ones that were not chosen too.
        encoder = TextEncoder(
            folder / TOKENIZER_FILE,
            judged.max_length,
            truncation=judged.truncation,
            token_types=TYPES in chosen.column_names,
        )
        names = [name for name in (TEXT, PAIR) if name in chosen.column_names]
        texts = [pa.chunked_array([pa.array(list(chosen[name]), pa.string())]) for name in names]
        found: list[dict[str, list[int]]] = pa.table(encoder.truncated(*texts)[0]).to_pylist()
        return found
    present = [name for name in (IDS, TYPES) if name in chosen.column_names]
    return [{name: unpadded(row, name)[: judged.max_length] for name in present} for row in chosen]


def scores(
    model: PreTrainedModel, rows: Sequence[dict[str, list[int]]], problem_type: str, args: TrainingArguments
) -> np.ndarray:
    """(rows, classes) float64, on the training's device, or on the CPU where that has no memory left."""
    try:
        return scores_of(logits(model, rows, args, args.device), problem_type)
    except torch.OutOfMemoryError:
        return scores_of(logits(model, rows, args, torch.device("cpu")), problem_type)


def logits(
    model: PreTrainedModel, rows: Sequence[dict[str, list[int]]], args: TrainingArguments, device: torch.device
) -> np.ndarray:
    model, collator = model.to(device), PaddingCollator(model.config.pad_token_id, multiple=1)
    dtype = torch.bfloat16 if args.bf16 else torch.float16
    parts = []
    with torch.inference_mode(), torch.autocast(device.type, dtype, enabled=args.bf16 or args.fp16):
        for start in range(0, len(rows), ROWS_OF_A_BATCH):
            batch = collator([{**row, "labels": 0} for row in rows[start : start + ROWS_OF_A_BATCH]])
            inputs = {name: tensor.to(device) for name, tensor in batch.items() if name != "labels"}
            parts.append(model(**inputs).logits.float().cpu().numpy().astype(np.float64))
    return np.concatenate(parts)
