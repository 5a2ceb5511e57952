import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, List, Value
from training_base import LABELS, MAX_LENGTH, Job

from contract.card import REGRESSION, Card
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


def test_pairs_of_which_the_prepared_rows_know_nothing_are_refused(job: Job, base: BaseModel, tmp_path: Path) -> None:
    options = TrainingOptions(text_pair_column="answer")
    with pytest.raises(UserError, match="text_pair_column is answer, but channel train was processed with no second"):
        channels.load(job.paths, options, base, seed=1)
    bare = Paths(tmp_path)
    shutil.copytree(job.paths.channels, bare.channels, ignore=shutil.ignore_patterns("card.json"))
    with pytest.raises(UserError, match="text_pair_column is answer, but channel train was tokenized before"):
        channels.load(bare, options, base, seed=1)


@pytest.mark.parametrize("column", ["text", "label"])
def test_a_pair_is_of_two_columns(base: BaseModel, tmp_path: Path, column: str) -> None:
    write_text(Paths(tmp_path), "train", 8)
    with pytest.raises(UserError, match=f"text_pair_column is {column}, which is the column of text or labels"):
        channels.load(Paths(tmp_path), TrainingOptions(text_pair_column=column), base, seed=1)


def test_a_card_of_regression_names_one_number(job: Job, base: BaseModel, tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    shutil.copytree(job.paths.channels, paths.channels)
    for file in paths.channel("train").rglob("card.json"):
        replace(Card.read(file.parent), problem_type=REGRESSION).write(file.parent)
    with pytest.raises(UserError, match="card of channel .*train has 2 label_names, but problem_type regression"):
        channels.load(paths, TrainingOptions(), base, seed=1)


def test_text_is_as_long_as_model_and_option_allow(base: BaseModel) -> None:
    assert channels.encoder_of(TrainingOptions(), base).max_length == 64
    assert channels.encoder_of(TrainingOptions(max_length=16), base).max_length == 16


def test_a_class_that_train_does_not_know_is_refused(base: BaseModel, tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    write_text(paths, "train", 40)
    write_text(paths, "test", 3, labels=("fair",))
    with pytest.raises(
        UserError,
        match="another value than the 2 classes of train in 3 of 3 rows, the first is row 1$",
    ):
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


def save(folder: Path, names: list[str] | None, labels: list[int]) -> None:
    kind = ClassLabel(names=names) if names else Value("int64")
    features = Features({"input_ids": List(Value("int32")), "labels": kind})
    rows = {"input_ids": [[2, 7 + i % 5, 3] for i in range(len(labels))], "labels": labels}
    Dataset.from_dict(rows, features=features).save_to_disk(str(folder))


@pytest.mark.parametrize("channel", ["val", "eval", "dev", "eval_dataset"])
def test_validation_goes_by_other_names(base: BaseModel, tmp_path: Path, channel: str) -> None:
    paths = Paths(tmp_path)
    save(paths.channel("train"), None, [0, 1] * 4)
    save(paths.channel(channel), None, [1, 0, 1])
    assert channels.load(paths, TrainingOptions(), base, seed=1).validation.labels.tolist() == [1, 0, 1]
    save(paths.channel("validation"), None, [1])
    with pytest.raises(UserError, match=f"channels validation and {channel} are both for validation, expected one"):
        channels.load(paths, TrainingOptions(), base, seed=1)


def test_the_splits_of_a_saved_dataset_dict_are_not_trained_on(base: BaseModel, tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    folder = paths.channel("train")
    for name, labels in (("train", [0, 1] * 4), ("validation", [1, 1, 0]), ("test", [-1] * 5)):
        save(folder / name, ["no", "yes"], labels)
    (folder / "dataset_dict.json").write_text('{"splits": ["train", "validation", "test"]}')
    found = channels.load(paths, TrainingOptions(), base, seed=1)
    assert found.train.labels.tolist() == [0, 1] * 4
    assert found.validation.labels.tolist() == [1, 1, 0]
    # GLUE's test split has no labels.
    assert found.test is None


def test_validation_without_labels_is_a_sentence(base: BaseModel, tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    save(paths.channel("train"), ["no", "yes"], [0, 1] * 4)
    save(paths.channel("validation"), ["no", "yes"], [-1, -1])
    with pytest.raises(UserError, match="validation has label -1 in each row, which means that .*, or no channel val"):
        channels.load(paths, TrainingOptions(), base, seed=1)


def test_a_test_channel_without_labels_is_not_used(
    base: BaseModel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = Paths(tmp_path)
    write_text(paths, "train", 300)
    paths.channel("test").mkdir()
    (paths.channel("test") / "rows.csv").write_text("id,text\n1,word1\n")
    assert channels.load(paths, TrainingOptions(), base, seed=1).test is None
    assert "channel test has no labels and is not used: " in caplog.text
    (paths.channel("test")).rename(paths.channel("validation"))
    with pytest.raises(UserError, match=r"columns text are found, but none of labels, label with .*, or no channel"):
        channels.load(paths, TrainingOptions(), base, seed=1)


def test_classes_in_another_order_are_numbered_as_trains(base: BaseModel, tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    save(paths.channel("train"), ["no", "yes", "so"], [0, 1, 2] * 4)
    save(paths.channel("validation"), ["yes", "no"], [0, 0, 1])
    found = channels.load(paths, TrainingOptions(), base, seed=1)
    assert found.validation.labels.tolist() == found.validation.rows["labels"] == [1, 1, 0]
    assert found.validation.label_names == ("no", "yes", "so")
    save(paths.channel("test"), ["maybe", "no"], [0])
    with pytest.raises(UserError, match="channel test: it has classes .*maybe.*, expected those of train"):
        channels.load(paths, TrainingOptions(), base, seed=1)


def test_a_length_that_has_no_room_for_text_is_refused(base: BaseModel) -> None:
    with pytest.raises(UserError, match="max_length is 2, expected more than the 2 special tokens of a row"):
        channels.encoder_of(TrainingOptions(max_length=2), base)


def test_text_of_which_one_split_has_no_labels_is_trained_on(base: BaseModel, tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    features = Features({"sentence": Value("string"), "label": ClassLabel(names=["no", "yes"])})
    splits = {"train": [0, 1] * 4, "validation": [1, 0], "test": [-1, -1]}
    rows = {
        name: Dataset.from_dict({"sentence": ["word1"] * len(labels), "label": labels}, features=features)
        for name, labels in splits.items()
    }
    DatasetDict(rows).save_to_disk(str(paths.channel("train")))
    found = channels.load(paths, TrainingOptions(), base, seed=1)
    assert (len(found.train.rows), found.validation.labels.tolist(), found.test) == (8, [1, 0], None)


def test_a_channel_that_nobody_reads_is_named(
    base: BaseModel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = Paths(tmp_path)
    write_text(paths, "train", 300)
    for name in ("holdout", "code", "model"):
        paths.channel(name).mkdir()
    channels.load(paths, TrainingOptions(), base, seed=1)
    assert "channels holdout are not read; train, validation, test and model are" in caplog.text
