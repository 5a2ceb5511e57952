import dataclasses
from pathlib import Path

import pyarrow as pa
import pytest
from datasets import Dataset
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


def test_an_empty_folder_and_a_missing_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds nothing; expected state.json"):
        sources.read(tmp_path, ())
    with pytest.raises(UserError, match="does not exist"):
        sources.read(tmp_path / "none", ())
