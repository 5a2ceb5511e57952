"""What is delivered answers like what was judged, or is not delivered."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from datasets import Dataset
from safetensors.torch import load_file, save_file
from training_base import Job, pretrain
from transformers import AutoModelForSequenceClassification, TrainingArguments

from training.data.channel import Channel, by_length, load
from training.data.collator import PaddingCollator
from training.evaluation.predictions import Predictions, softmax
from training.results import verification
from training.results.verification import DeliveryError, Judged, sample


@pytest.fixture
def folder(job: Job, tmp_path: Path) -> Path:
    """A model whose answers depend on its text, as an untrained one's hardly do."""
    found = Path(shutil.copytree(job.paths.channel("model"), tmp_path / "model"))
    pretrain(found)
    change(found, "classifier.weight", lambda tensor: tensor * 100)
    return found


def change(folder: Path, name: str, by: Callable[[torch.Tensor], torch.Tensor]) -> None:
    state = {each: tensor.clone() for each, tensor in load_file(folder / "model.safetensors").items()}
    state[name] = by(state[name])
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.fixture
def args(tmp_path: Path) -> TrainingArguments:
    return TrainingArguments(output_dir=str(tmp_path), use_cpu=True)


def judged(job: Job, folder: Path, max_length: int = 32) -> Judged:
    """What the model in `folder` says of the job's training rows, all in one batch."""
    channel = load(job.paths.channel("train"))
    rows = by_length(channel)
    batch = PaddingCollator(0)([{"input_ids": ids, "labels": 0} for ids in rows["input_ids"]])
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    found = Predictions(np.array(rows["labels"]), softmax(logits.double().numpy()))
    return Judged(channel, found, max_length)


def test_the_same_model_passes(job: Job, folder: Path, args: TrainingArguments) -> None:
    verification.verify(folder, judged(job, folder), args)


def test_a_length_that_cuts_rows_does_not(job: Job, folder: Path, args: TrainingArguments) -> None:
    with pytest.raises(DeliveryError, match="the probabilities of a row differ by"):
        verification.verify(folder, judged(job, folder, max_length=4), args)


def test_other_weights_do_not(job: Job, folder: Path, args: TrainingArguments) -> None:
    before = judged(job, folder)
    change(folder, "classifier.bias", lambda bias: bias + torch.tensor([0.1, -0.1]))
    with pytest.raises(DeliveryError, match="probabilities of a row differ by 0.0"):
        verification.verify(folder, before, args)


def test_numbers_that_are_none_do_not(job: Job, folder: Path, args: TrainingArguments) -> None:
    before = judged(job, folder)
    change(folder, "classifier.bias", lambda bias: bias * torch.nan)
    with pytest.raises(DeliveryError, match="differ by nan"):
        verification.verify(folder, before, args)


def test_a_missing_tensor_is_named(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    state.pop("classifier.bias")
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(DeliveryError, match="not those of its configuration: classifier.bias"):
        verification.load(folder)


def test_text_is_tokenized_anew_where_it_was_tokenized_here(job: Job, folder: Path) -> None:
    rows = pa.table({"input_ids": [[9], [9, 9]], "labels": [0, 1], "length": [1, 2], "text": ["good", "bad awful bad"]})
    channel = Channel(Dataset(rows), np.array([1, 2]), np.array([0, 1]), None, ("0", "1"), True)
    found = verification.tokenized(
        folder, Judged(channel, Predictions(np.zeros(2), np.zeros((2, 2))), 4), np.array([0])
    )
    assert found == [{"input_ids": [2, 10, 11, 3]}]


def test_the_sample_is_spread_over_all_lengths_and_affordable() -> None:
    assert sample(np.full(10, 5)).tolist() == list(range(10))
    lengths = np.full(10_000, 512)
    chosen = sample(lengths)
    assert len(chosen) == verification.MOST_TOKENS // 512
    assert (chosen[0], chosen[-1]) == (0, 9_999)
    assert len(sample(np.full(10_000, 5))) == verification.MOST_ROWS
    assert sample(np.array([100_000, 1])).tolist() == [0]


@pytest.mark.parametrize("classes", [2, 1000])
def test_the_distance_of_two_rows_does_not_depend_on_the_number_of_classes(classes: int) -> None:
    even = np.full((1, classes), 1 / classes)
    halves = np.concatenate([np.full((1, classes // 2), 1.5 / classes), np.full((1, classes // 2), 0.5 / classes)], 1)
    assert verification.total_variation(even, halves) == pytest.approx([0.25])


def test_in_16_bits_a_model_whose_accuracy_is_another_does_not_pass(job: Job, folder: Path, tmp_path: Path) -> None:
    args = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, bf16=True)
    before = judged(job, folder)
    verification.verify(folder, before, args)
    # Probabilities just beside those that were judged, but on the other side of a half for a tenth of the rows.
    near = before.predictions.scores.copy()
    tenth = np.argsort(np.abs(near[:, 1] - 0.5))[: len(near) // 10]
    before.predictions.labels[:] = near.argmax(-1)
    near[tenth] = near[tenth][:, ::-1]
    moved = Judged(before.channel, Predictions(before.predictions.labels, near), before.max_length)
    with pytest.raises(DeliveryError, match="it is not delivered"):
        verification.verify(folder, moved, args)
