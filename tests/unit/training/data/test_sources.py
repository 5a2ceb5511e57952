import dataclasses
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from datasets import Dataset, DatasetDict, load_from_disk
from pyarrow import parquet
from training_base import Job

from contract.card import Card
from contract.failures import UserError
from training.data import sources

ROWS = {"input_ids": [[2, 7, 3], [2, 8, 9, 3]], "labels": [0, 1]}


@pytest.fixture
def card(job: Job) -> Card:
    return Card.read(job.paths.channel("train") / "algo-1")


def test_parquet_folders_of_several_hosts_keep_their_card(card: Card, tmp_path: Path) -> None:
    for host in ("algo-1", "algo-2"):
        (tmp_path / host).mkdir()
        parquet.write_table(pa.table(ROWS), tmp_path / host / "train-00000-of-00001.parquet")
        dataclasses.replace(card, splits={"train": 2}).write(tmp_path / host)
    source = sources.read(tmp_path, ())
    assert source.card is not None
    assert source.card.splits == {"train": 4}
    assert source.card.label_names == card.label_names
    assert (len(source.rows), source.parts) == (4, 2)


def test_hosts_that_disagree_are_refused(card: Card, tmp_path: Path) -> None:
    other = dataclasses.replace(card, tokenizer=dataclasses.replace(card.tokenizer, sha256="0"))
    with pytest.raises(UserError, match="different tokenizers"):
        sources.merged([card, other], tmp_path)
    with pytest.raises(UserError, match="cards disagree on max_length: 32, 8"):
        sources.merged([card, dataclasses.replace(card, max_length=8)], tmp_path)


def test_parts_with_other_columns_are_refused(tmp_path: Path) -> None:
    Dataset.from_dict(ROWS).save_to_disk(str(tmp_path / "a"))
    Dataset.from_dict({"input_ids": ["x"], "labels": ["y"]}).save_to_disk(str(tmp_path / "b"))
    with pytest.raises(UserError, match="its parts differ in their columns"):
        sources.read(tmp_path, ())


def test_a_saved_part_that_is_cut_between_batches_is_refused(tmp_path: Path) -> None:
    Dataset.from_dict({"input_ids": [[2, 3]] * 3000, "labels": [0] * 3000}).save_to_disk(str(tmp_path / "algo-1"))
    [file] = (tmp_path / "algo-1").glob("*.arrow")
    assert len(sources.read(tmp_path, ()).rows) == 3000
    with pa.memory_map(str(file)) as source:
        pa.ipc.open_stream(source).read_next_batch()
        end = source.tell()
    file.write_bytes(file.read_bytes()[:end])
    # What the library makes of it.
    assert 0 < len(load_from_disk(str(tmp_path / "algo-1"))) < 3000
    with pytest.raises(
        UserError, match=rf"^file algo-1/{file.name} ends before Arrow's end-of-stream marker; expected"
    ):
        sources.read(tmp_path, ())


def save_splits(folder: Path, **rows: int) -> None:
    splits = {
        name: Dataset.from_dict({"input_ids": [[2, 3]] * count, "labels": [0] * count}) for name, count in rows.items()
    }
    DatasetDict(splits).save_to_disk(str(folder))


def save_as_the_hub_does(folder: Path, **rows: int) -> None:
    (folder / "data").mkdir()
    for name, count in rows.items():
        content = pa.table({"input_ids": [[2, 3]] * count, "labels": [0] * count})
        parquet.write_table(content, folder / "data" / f"{name}-00000-of-00001.parquet")
    (folder / "README.md").write_text("---\n---\n")
    (folder / "dataset_infos.json").write_text("{}")


@pytest.mark.parametrize("save", [save_splits, save_as_the_hub_does])
def test_one_split_is_read_of_a_folder_that_holds_several(tmp_path: Path, save: Callable[..., None]) -> None:
    save(tmp_path, train=5, test=3, dev=2)
    found = {split: len(sources.read(tmp_path, (), split).rows) for split in ("train", "validation", "test")}
    assert found == {"train": 5, "validation": 2, "test": 3}
    assert len(sources.read(tmp_path, ()).rows) == 5


def test_the_one_split_of_a_channel_is_taken_whatever_its_name(tmp_path: Path) -> None:
    save_splits(tmp_path, train=4)
    assert len(sources.read(tmp_path, (), "validation").rows) == 4


def test_a_folder_without_the_split_is_refused(tmp_path: Path) -> None:
    save_splits(tmp_path, a=4, b=3)
    with pytest.raises(UserError, match="holds the splits a, b, expected one for train"):
        sources.read(tmp_path, (), "train")


def test_data_of_two_kinds_is_refused_for_one_would_be_ignored(tmp_path: Path) -> None:
    Dataset.from_dict(ROWS).save_to_disk(str(tmp_path / "saved"))
    (tmp_path / "rows.csv").write_text("text,label\na,1\n")
    with pytest.raises(UserError, match="holds saved and rows.csv; expected data of one kind"):
        sources.read(tmp_path, ("text", "label"))


def test_what_set_format_did_does_not_matter(tmp_path: Path) -> None:
    rows = Dataset.from_dict(ROWS | {"text": ["a", "b"]}).with_format("torch", columns=["input_ids", "labels"])
    rows.save_to_disk(str(tmp_path))
    assert sources.read(tmp_path, ()).rows[0] == {"input_ids": [2, 7, 3], "labels": 0, "text": "a"}


def test_an_empty_folder_and_a_missing_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds nothing; expected state.json"):
        sources.read(tmp_path, ())
    with pytest.raises(UserError, match="does not exist"):
        sources.read(tmp_path / "none", ())
