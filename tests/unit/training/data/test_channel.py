from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from datasets import ClassLabel, Dataset, Features, Sequence, Value
from pyarrow import parquet
from training_base import LABELS, Job

from contract.card import Card
from contract.failures import UserError
from training.data.channel import by_length, load, split
from training.data.tokenization import TextEncoder

ROWS = {"input_ids": [[2, 7, 3], [2, 8, 9, 3], [2, 7, 7, 7, 3]], "label": [0, 1, 1]}


def test_the_folders_of_two_hosts_are_one_channel(job: Job) -> None:
    channel = load(job.paths.channel("train"))
    assert len(channel.rows) == len(channel.labels) == 40
    assert channel.card is not None
    assert channel.card.splits == {"train": 40}
    assert channel.label_names == LABELS
    assert channel.lengths.tolist() == [len(ids) for ids in channel.rows["input_ids"]]


def test_a_folder_without_card_takes_label_and_counts_lengths(tmp_path: Path) -> None:
    Dataset.from_dict(ROWS).save_to_disk(str(tmp_path))
    channel = load(tmp_path)
    assert channel.lengths.tolist() == [3, 4, 5]
    assert channel.labels.tolist() == [0, 1, 1]
    assert channel.label_names == ("0", "1")


def test_class_names_come_from_the_features(tmp_path: Path) -> None:
    features = Features({"input_ids": Sequence(Value("int32")), "label": ClassLabel(names=["no", "yes"])})
    Dataset.from_dict(ROWS, features=features).save_to_disk(str(tmp_path))
    assert load(tmp_path).label_names == ("no", "yes")


def test_parquet_files_are_a_channel(tmp_path: Path) -> None:
    for name in ("b", "a"):
        parquet.write_table(pa.table(ROWS), tmp_path / f"{name}.parquet")
    assert load(tmp_path).labels.tolist() == [0, 1, 1] * 2


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"text": ["a"], "label": [1]}, "has columns text, label; expected input_ids"),
        ({"A fine text": ["a"], "1": [1]}, "has columns 2 others; expected input_ids"),
        ({"input_ids": ["a"], "labels": [1]}, "input_ids are of type string, expected lists of whole numbers"),
        ({"input_ids": [["a"]], "labels": [1]}, "input_ids are lists of string, expected lists of whole numbers"),
        ({"input_ids": [[1], None], "labels": [1, 0]}, "input_ids has 1 missing values, expected a list in each row"),
        ({"input_ids": [[1, None]], "labels": [1]}, "input_ids has 1 missing values, expected a list in each row"),
        ({"input_ids": [[1], []], "labels": [1, 0]}, "1 of 2 rows have no token; expected at least one in each"),
        (
            {"input_ids": [[1, 2]], "labels": [1], "attention_mask": [[1]]},
            "input_ids and attention_mask differ in length",
        ),
        ({"input_ids": [[1, 2]], "labels": [1], "attention_mask": [[0, 0]]}, "1 of 1 rows have no token"),
        ({"input_ids": [[1]], "stars": [1]}, "expected labels"),
        ({"input_ids": [[1], [2]], "labels": [1, None]}, "1 of 2 rows have no label"),
        ({"input_ids": [[1], [2]], "labels": [-1, 0]}, "expected 0 to 1"),
    ],
)
def test_rows_that_cannot_be_trained_on_are_refused(tmp_path: Path, rows: dict[str, list], message: str) -> None:
    Dataset.from_dict(rows).save_to_disk(str(tmp_path))
    with pytest.raises(UserError, match=message):
        load(tmp_path)


def test_kept_text_stays_with_its_rows(job: Job, tmp_path: Path) -> None:
    card = Card.read(job.paths.channel("train") / "algo-1")
    Dataset.from_dict({**ROWS, "review_body": ["a", "b", "c"], "stars": [1, 2, 3]}).save_to_disk(str(tmp_path))
    card.write(tmp_path)
    channel = load(tmp_path)
    assert channel.rows.column_names == ["input_ids", "labels", "length", "text"]
    assert by_length(channel)["text"] == ["c", "b", "a"]


def test_text_that_somebody_saved_is_tokenized(job: Job, tmp_path: Path) -> None:
    Dataset.from_dict({"text": ["good", "bad word1"], "label": ["+", "-"]}).save_to_disk(str(tmp_path))
    channel = load(tmp_path, TextEncoder(job.paths.channel("model") / "tokenizer.json", 8))
    assert channel.lengths.tolist() == [3, 4]
    assert (channel.labels.tolist(), channel.label_names) == ([0, 1], ("+", "-"))


def test_equal_rows_land_on_the_same_side_of_the_split(tmp_path: Path) -> None:
    ids = [[2, i % 50, 3] for i in range(400)]
    Dataset.from_dict({"input_ids": ids, "labels": [0, 1] * 200}).save_to_disk(str(tmp_path))
    train, held_out = split(load(tmp_path), 0.2, seed=1)
    assert len(train.rows) + len(held_out.rows) == 400
    assert not {tuple(row) for row in train.rows["input_ids"]} & {tuple(row) for row in held_out.rows["input_ids"]}
    assert 0.05 < len(held_out.rows) / 400 < 0.4
    assert train.labels.tolist() == list(train.rows["labels"])


@pytest.mark.parametrize("fraction", [0.0, 1.0, 1e-9])
def test_a_split_that_leaves_a_side_empty_is_refused(job: Job, fraction: float) -> None:
    with pytest.raises(UserError, match="validation"):
        split(load(job.paths.channel("train")), fraction, seed=1)


def test_evaluation_rows_are_longest_first(job: Job) -> None:
    lengths = np.array(by_length(load(job.paths.channel("train")))["length"])
    assert (np.diff(lengths) <= 0).all()


@pytest.mark.parametrize("labels", [[[0], [1], [1]], [False, True, True], [0.0, 1.0, 1.0]])
def test_labels_may_be_arrays_of_one_truth_values_or_whole_numbers(tmp_path: Path, labels: list) -> None:
    Dataset.from_dict({"input_ids": ROWS["input_ids"], "label": labels}).save_to_disk(str(tmp_path))
    assert load(tmp_path).labels.tolist() == [0, 1, 1]


def test_ids_may_be_arrays_of_one_size(tmp_path: Path) -> None:
    fixed = pa.array([[2, 3], [2, 4]], pa.list_(pa.int32(), 2))
    parquet.write_table(pa.table({"input_ids": fixed, "labels": [0, 1]}), tmp_path / "a.parquet")
    channel = load(tmp_path)
    assert channel.lengths.tolist() == [2, 2]
    assert len(channel.fingerprint) == 32
