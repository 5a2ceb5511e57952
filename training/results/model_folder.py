"""Writes /opt/ml/model: safetensors, config, tokenizer, card.json, and README.md (the model card)."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel

from contract.card import CARD_FILE, MULTI_LABEL, REGRESSION, SINGLE_LABEL, Card, RowCounts, TokenizerReference
from contract.files import staged, write_text
from contract.tokenizer import TOKENIZER_FILE, fingerprint
from contract.versions import versions
from training.data.channel import Channel
from training.metrics import text
from training.model.base_model import BaseModel

README_FILE = "README.md"
LIBRARIES = ("torch", "transformers", "datasets", "accelerate", "peft")

# Ends of the names of metrics that tell how fast a machine was, not how good a model is.
MEASURED = ("_runtime", "_per_second", "_share")

# What a model does with text, by problem type.
PURPOSES = {
    SINGLE_LABEL: "Sorts text into {}",
    MULTI_LABEL: "Tells of text which labels it has, of {}",
    REGRESSION: "Gives text a number, {}",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """What came out of the training.

    Attributes:
        step: of the delivered weights.
        steps: that were trained.
        metrics: of the delivered weights, `eval_` on validation, `test_` on test.
        arguments: the main ones that it was trained with.
        world_size: processes that trained, over all hosts.
        resumed_from: step of the checkpoint that the last start went on from.
        partial: whether the training was stopped before its end.
        thresholds: (1,), from which probability on a row is of class 1, or (labels,), has each label; None for the
            most probable class.
        temperature: that logits are divided by; None for 1.
    """

    step: int
    steps: int
    metrics: Mapping[str, float]
    arguments: Mapping[str, Any]
    world_size: int = 1
    resumed_from: int | None = None
    partial: bool = False
    thresholds: np.ndarray | None = None
    temperature: float | None = None


def described(folder: Path) -> list[Path]:
    """The files of a model folder that tell what it is."""
    return [folder / CARD_FILE, folder / README_FILE]


def write(
    folder: Path,
    model: PreTrainedModel,
    base: BaseModel,
    card: Card,
    result: Result,
    weights: Mapping[str, torch.Tensor] | None = None,
    check: Callable[[Path], None] = lambda _: None,
) -> None:
    """Fill `folder` with weights, configuration, tokenizer, card and model card; all or nothing.

    Args:
        weights: go there in place of the model's own.
        check: of the complete content, before it is published; what it raises leaves `folder` empty.
    """
    with staged(folder, CARD_FILE) as staging:
        model.save_pretrained(staging, state_dict=weights, safe_serialization=True)
        write_tokenizer(staging, base, card.max_length)
        card = completed(card, base, result)
        card.write(staging)
        write_text(staging / README_FILE, model_card(card, base, result))
        check(staging)
    log.info("%s of step %d written to %s", "partial model" if result.partial else "model", result.step, folder)


def completed(card: Card, base: BaseModel, result: Result) -> Card:
    """`card` with what came out of the training."""
    training = {
        "base_model": base.name,
        "revision": base.revision,
        "from_scratch": base.from_scratch,
        "step": result.step,
        "steps": result.steps,
        "world_size": result.world_size,
        "resumed_from": result.resumed_from,
        "arguments": dict(result.arguments),
        "metrics": dict(result.metrics),
        "versions": versions(LIBRARIES),
    }
    chosen = None if result.thresholds is None else tuple(map(float, result.thresholds))
    several = card.problem_type == MULTI_LABEL
    return replace(
        card,
        training=training,
        partial=result.partial,
        decision_threshold=chosen[0] if chosen and not several else None,
        label_thresholds=chosen if several else None,
        temperature=result.temperature,
    )


def write_tokenizer(folder: Path, base: BaseModel, max_length: int) -> None:
    """The tokenizer's settings, and its tokenizer.json byte for byte, so that it keeps its fingerprint."""
    base.tokenizer.model_max_length = max_length
    base.tokenizer.save_pretrained(folder)
    shutil.copyfile(base.tokenizer_file, folder / TOKENIZER_FILE)


def card_of(
    channel: Channel, base: BaseModel, max_length: int, seed: int, pair_column: str | None, truncation: str
) -> Card:
    """The card of the training rows `channel`; one made from what is known where the data came without."""
    if channel.card is not None:
        return channel.card
    return Card(
        text_column="text",
        label_names=channel.label_names,
        tokenizer=TokenizerReference(base.name, fingerprint(base.tokenizer_file), base.revision),
        max_length=max_length,
        seed=seed,
        splits={"train": len(channel.rows)},
        rows=RowCounts(len(channel.rows), len(channel.rows)),
        versions=versions(LIBRARIES),
        problem_type=channel.problem_type,
        text_pair_column=pair_column if channel.tokenized_here else None,
        truncation=truncation,
    )


def model_card(card: Card, base: BaseModel, result: Result) -> str:
    """README.md: the hub's front matter, what the model does, and how well."""
    lines = [
        "---",
        "library_name: transformers",
        f"pipeline_tag: {card.task}",
        "---",
        "",
        "# Text classifier",
        "",
        f"{PURPOSES[card.problem_type].format(', '.join(card.label_names))}; reads at most {card.max_length} tokens"
        f"{' of two texts' if card.text_pair_column else ''}.",
        "",
        f"Trained {'from scratch' if base.from_scratch else 'from ' + base.name} on "
        f"{sum(card.splits.values()):,} rows; these are the weights of step {result.step} of {result.steps}.",
        *(["", f"**Partial: the training was stopped at step {result.steps}.**"] if result.partial else []),
        "",
        *table("Metric", {name: each for name, each in result.metrics.items() if not name.endswith(MEASURED)}),
        "",
        *table("Hyperparameter", result.arguments),
        "",
        "    from transformers import pipeline",
        '    pipeline("text-classification", model="this folder")("A text to sort", truncation=True)',
        *threshold_note(card, result),
    ]
    return "\n".join(lines) + "\n"


def threshold_note(card: Card, result: Result) -> list[str]:
    """What a plain pipeline does not do, where there is a decision threshold."""
    notes: list[str] = []
    if result.temperature not in (None, 1):
        notes += [
            "",
            f"The inference image divides logits by {result.temperature:.6g} (temperature scaling); a plain pipeline "
            "does not.",
        ]
    if card.label_thresholds is not None:
        found = ", ".join(
            f"{name} {value:.6g}" for name, value in zip(card.label_names, card.label_thresholds, strict=True)
        )
        return [*notes, "", f"The inference image answers the labels whose probabilities reach: {found}."]
    if card.decision_threshold is None:
        return notes
    return [
        *notes,
        "",
        f"The inference image answers {card.label_names[1]} from a probability of {card.decision_threshold:.6g} on; "
        "a plain pipeline, which does not know this threshold, answers the more probable class. The metrics whose "
        "names end in `_at_threshold` are those of the image.",
    ]


def table(heading: str, values: Mapping[str, Any]) -> list[str]:
    return [f"| {heading} | Value |", "|---|---|", *(f"| {name} | {text(value)} |" for name, value in values.items())]
