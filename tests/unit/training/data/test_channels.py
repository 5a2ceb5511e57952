from pathlib import Path

import pytest
from datasets import Dataset
from training_base import LABELS, MAX_LENGTH, Job

from contract.failures import UserError
from contract.paths import Paths
from training.data import channels
from training.model import base_model
from training.model.base_model import BaseModel
from training.options import TrainingOptions


@pytest.fixture
def base(job: Job) -> BaseModel:
    return base_model.describe(str(job.paths.channel("model")), None)


def write_text(paths: Paths, channel: str, rows: int, labels: tuple[str, ...] = ("bad", "good")) -> None:
    paths.channel(channel).mkdir(parents=True)
    lines = [f"word{i} word{i % 7},{labels[i % len(labels)]}" for i in range(rows)]
    (paths.channel(channel) / "rows.csv").write_text("\n".join(["text,label", *lines]) + "\n")


def test_prepared_channels_are_taken_as_they_are(job: Job, base: BaseModel) -> None:
    found = channels.load(job.paths, TrainingOptions(), base, seed=1)
    assert (len(found.train.rows), len(found.validation.rows), found.test) == (40, 10, None)
    assert found.train.label_names == LABELS


def test_text_in_train_and_test_alone_is_enough(base: BaseModel, tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    write_text(paths, "train", 300)
    write_text(paths, "test", 20, labels=("good",))
    found = channels.load(paths, TrainingOptions(validation_fraction=0.2), base, seed=1)
    assert len(found.train.rows) + len(found.validation.rows) == 300
    assert len(found.validation.rows) > 10
    assert found.test is not None
    assert found.test.labels.tolist() == [1] * 20
    assert found.train.label_names == ("bad", "good")


def test_text_is_as_long_as_model_and_option_allow(base: BaseModel) -> None:
    assert channels.encoder_of(TrainingOptions(), base).max_length == 64
    assert channels.encoder_of(TrainingOptions(max_length=16), base).max_length == 16


def test_a_class_that_train_does_not_know_is_refused(base: BaseModel, tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    write_text(paths, "train", 40)
    write_text(paths, "test", 3, labels=("fair",))
    with pytest.raises(UserError, match="'fair', expected one of the classes bad, good"):
        channels.load(paths, TrainingOptions(), base, seed=1)


def test_the_longest_row_is_as_configured_else_the_cards_else_what_text_was_cut_to(
    job: Job, base: BaseModel, tmp_path: Path
) -> None:
    assert channels.load(job.paths, TrainingOptions(), base, seed=1).max_length == MAX_LENGTH
    with pytest.raises(UserError, match=f"max_length is 8, but channel train was processed with {MAX_LENGTH}"):
        channels.load(job.paths, TrainingOptions(max_length=8), base, seed=1)
    paths = Paths(tmp_path)
    write_text(paths, "train", 300)
    assert channels.load(paths, TrainingOptions(), base, seed=1).max_length == 64
    assert channels.load(paths, TrainingOptions(max_length=16), base, seed=1).max_length == 16


def test_rows_that_others_tokenized_are_as_long_as_configured_or_as_the_model_takes(
    base: BaseModel, tmp_path: Path
) -> None:
    paths = Paths(tmp_path)
    rows = {"input_ids": [[2, 7 + i % 9, 3] for i in range(60)], "labels": [i % 2 for i in range(60)]}
    Dataset.from_dict(rows).save_to_disk(str(paths.channel("train")))
    assert channels.load(paths, TrainingOptions(validation_fraction=0.3), base, seed=1).max_length == 64
    given = TrainingOptions(validation_fraction=0.3, max_length=12)
    assert channels.load(paths, given, base, seed=1).max_length == 12
