"""Output folders are complete or absent, and those of several hosts do not collide."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from contract.card import Card, RowCounts, TokenizerReference
from contract.failures import UserError
from contract.hosts import Hosts
from contract.paths import Paths
from processing.rows.split import SPLITS
from processing.writing.outputs import outputs
from processing.writing.writer import schema

CARD = Card("text", ("a", "b"), TokenizerReference("t", "0"), 8, 42, {"train": 0}, RowCounts(), {})


def write(paths: Paths, hosts: Hosts, wanted: tuple[str, ...] = SPLITS, kind: str = "datasets") -> None:
    with outputs(paths, hosts, wanted, kind) as result:
        result.open(schema([]), None)
        result.finish(CARD)
        (result.report / "report.json").write_text("{}")


def visible(paths: Paths) -> set[str]:
    files = (path.relative_to(paths.base / "processing") for path in paths.base.rglob("*") if path.is_file())
    return {file.as_posix() for file in files}


def test_publishes_every_split_with_its_card(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    write(paths, Hosts())
    assert {f"{split}/{name}" for split in SPLITS for name in ("state.json", "card.json")} <= visible(paths)
    write(paths, Hosts(), wanted=("train",))
    assert {name.split("/")[0] for name in visible(paths)} == {"train", "report"}


def test_hosts_write_below_their_names(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    for name in ("algo-1", "algo-2"):
        write(paths, Hosts(name, ("algo-1", "algo-2")))
    assert {"train/algo-1/state.json", "train/algo-2/state.json", "report/algo-2/report.json"} <= visible(paths)


def test_the_output_of_another_format_is_replaced(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    write(paths, Hosts(), kind="parquet")
    parquet = {f"{split}/{name}" for split in SPLITS for name in ("card.json", f"{split}-00000-of-00001.parquet")}
    assert parquet == {name for name in visible(paths) if not name.startswith("report")}
    write(paths, Hosts())
    assert not parquet & visible(paths) - {f"{split}/card.json" for split in SPLITS}
    write(paths, Hosts(), ("train",), "parquet")
    assert {name for name in visible(paths) if not name.startswith("report")} == {
        "train/card.json",
        "train/train-00000-of-00001.parquet",
    }


def test_files_that_no_job_wrote_are_kept(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    (paths.processing_test).mkdir(parents=True)
    (paths.processing_test / "precious").write_text("x")
    with pytest.raises(UserError, match="test has files that no earlier job wrote .precious."):
        write(paths, Hosts())
    assert visible(paths) == {"test/precious"}


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    write(paths, Hosts())
    with pytest.raises(RuntimeError), outputs(paths, Hosts(), SPLITS) as result:
        result.open(schema([]), None)
        raise RuntimeError("stopped")
    assert visible(paths) == set()


def test_kept_columns_keep_their_type(tmp_path: Path) -> None:
    words = "^input file b has values of the type int64 in column id, and an earlier file of the type string; expected"
    with pytest.raises(UserError, match=words), outputs(Paths(tmp_path), Hosts(), SPLITS) as result:
        result.open(schema([pa.field("id", pa.string())]), None, "a")
        result.open(schema([pa.field("id", pa.int64())]), None, "b")
