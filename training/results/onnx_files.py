"""Adds the model exported to ONNX, in fp32 and int8, to the model folder; measures int8's accuracy on validation."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from transformers import AutoConfig

from contract import onnx_export
from contract.card import Card
from contract.machine import threads
from contract.onnx_export import FLOAT32_FILE, INT8_FILE, ONNX_FOLDER, ExportError
from training.data.columns import IDS
from training.results import verification
from training.results.verification import Judged

# Of the sample on which int8 is measured: so many that half a point of accuracy is several rows, and a minute at most.
MOST_ROWS, MOST_TOKENS, ROWS_OF_A_BATCH = 2_000, 200_000, 8

log = logging.getLogger(__name__)


def add(folder: Path, judged: Judged) -> dict[str, float]:
    """Export the model in `folder` to `folder`/onnx and record int8's loss of accuracy in its card.

    A model that cannot be exported is delivered without these files, with a warning.

    Returns:
        eval_float32_accuracy and eval_int8_accuracy of the exported models on a sample of validation,
        eval_int8_agreement, the share of its rows with the same predicted class, and eval_int8_rows, their number.
    """
    output = folder / ONNX_FOLDER
    try:
        onnx_export.run(folder, output)
    except ExportError as error:
        shutil.rmtree(output, ignore_errors=True)
        log.warning("the model is delivered without ONNX files: %s", error)
        return {}
    metrics = measured(folder, judged)
    loss = 100 * (metrics["eval_float32_accuracy"] - metrics["eval_int8_accuracy"])
    replace(Card.read(folder), int8_accuracy_loss=round(loss, 3)).write(folder)
    log.info("exported to ONNX: int8 loses %.2f points of accuracy on %d rows", loss, metrics["eval_int8_rows"])
    return metrics


def measured(folder: Path, judged: Judged) -> dict[str, float]:
    """The metrics of `add`."""
    rows = verification.sample(np.sort(judged.channel.lengths)[::-1], MOST_ROWS, MOST_TOKENS)
    ids = [row[IDS] for row in verification.tokenized(folder, judged, rows)]
    labels = judged.predictions.labels[rows]
    pad = AutoConfig.from_pretrained(folder, local_files_only=True).get_text_config().pad_token_id
    float32, int8 = (predicted(folder / ONNX_FOLDER / name, ids, pad) for name in (FLOAT32_FILE, INT8_FILE))
    return {
        "eval_float32_accuracy": float((float32 == labels).mean()),
        "eval_int8_accuracy": float((int8 == labels).mean()),
        "eval_int8_agreement": float((int8 == float32).mean()),
        "eval_int8_rows": float(len(rows)),
    }


def predicted(file: Path, rows: Sequence[Sequence[int]], pad: int) -> np.ndarray:
    """(rows,) int64, the most probable classes by the exported model in `file`."""
    # Imported late: most trainings export nothing.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    names = {item.name for item in session.get_inputs()}
    parts = []
    for batch in batches(rows, pad):
        (logits,) = session.run(["logits"], {name: values for name, values in batch.items() if name in names})
        parts.append(logits.argmax(-1))
    return np.concatenate(parts)


def batches(rows: Sequence[Sequence[int]], pad: int) -> Iterator[dict[str, np.ndarray]]:
    """Inputs of the exported model, int64 [rows, length], padded on the right; of one segment."""
    for start in range(0, len(rows), ROWS_OF_A_BATCH):
        part = rows[start : start + ROWS_OF_A_BATCH]
        ids = np.full((len(part), max(map(len, part))), pad, np.int64)
        mask = np.zeros_like(ids)
        for index, row in enumerate(part):
            ids[index, : len(row)], mask[index, : len(row)] = row, 1
        yield {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
