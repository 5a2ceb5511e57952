from pathlib import Path

import pytest
from training_base import LABELS, Job

from contract.failures import UserError
from contract.paths import Paths
from training import base_model, channels
from training.base_model import BaseModel
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
