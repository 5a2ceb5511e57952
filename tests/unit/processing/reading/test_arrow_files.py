"""Arrow files, parquet files with long texts, and names of classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from unit.processing.jobs import Write, rows, run

from contract.failures import UserError
from processing.reading.arrow_files import class_names, names_of_feature, needs_pyarrow
from processing.reading.source import SourceFile, find

FEATURES = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])})
DATA = {"text": ["good film", "bad film", "old book"], "label": [1, 0, 1]}


def kept(base: Path, **options: Any) -> list[tuple[Any, ...]]:
    run(base, train_ratio=1.0, columns=("text",), **options)
    return rows(base, "train", ("text", "labels"))


def names(base: Path) -> list[str]:
    found: list[str] = json.loads(next(base.rglob("card.json")).read_text())["label_names"]
    return found


def test_a_folder_of_save_to_disk_is_read_with_its_names(tmp_path: Path, wordpiece: Path) -> None:
    datasets.Dataset.from_dict(DATA, FEATURES).save_to_disk(str(tmp_path / "in"), num_shards=2)
    files, skipped = find(str(tmp_path / "in"))
    assert ([file.format for file in files], skipped) == (["arrow", "arrow"], ["dataset_info.json", "state.json"])
    assert kept(tmp_path, input=str(tmp_path / "in"), tokenizer=str(wordpiece)) == [
        ("good film", "1"), ("bad film", "0"), ("old book", "1"),
    ]  # fmt: skip
    assert names(tmp_path) == ["neg", "pos"]


def test_a_name_that_is_another_classes_number_is_none(tmp_path: Path, wordpiece: Path) -> None:
    features = datasets.Features({**FEATURES, "label": datasets.ClassLabel(names=["-1", "0", "1"])})
    datasets.Dataset.from_dict({**DATA, "label": [2, 0, 1]}, features).to_parquet(str(tmp_path / "a.parquet"))
    found = kept(tmp_path, input=str(tmp_path / "a.parquet"), tokenizer=str(wordpiece))
    assert found == [("good film", "2"), ("bad film", "0"), ("old book", "1")]
    assert names(tmp_path) == ["-1", "0", "1"]


def test_names_of_lists_are_found_as_each_version_of_the_library_writes_them() -> None:
    named = {"names": ["a", "b"], "_type": "ClassLabel"}
    for feature in (named, {"feature": named, "_type": "List"}, {"feature": named, "_type": "Sequence"}, [named]):
        assert names_of_feature({"label": feature}, "label") == ("a", "b")
    assert names_of_feature({"label": {"feature": {"dtype": "int64"}, "_type": "List"}}, "label") is None


def test_files_with_and_without_lists_are_refused(tmp_path: Path, wordpiece: Path) -> None:
    pq.write_table(pa.table({"text": ["a", "b"], "label": [["x"], ["y"]]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": ["a", "b"], "label": ["x", "y"]}), tmp_path / "b.parquet")
    with pytest.raises(
        UserError, match=r"^input file b.parquet has no lists in column label \(--label-column\), and the"
    ):
        run(tmp_path, input=str(tmp_path), tokenizer=str(wordpiece))
    (tmp_path / "b.parquet").rename(tmp_path / "other")
    (tmp_path / "b.csv").write_text("text,label\na,x\n")
    with pytest.raises(UserError, match=r"^input file b.csv has no lists in column label"):
        run(tmp_path, input=str(tmp_path), tokenizer=str(wordpiece))


def test_a_dataset_dict_keeps_its_splits(tmp_path: Path, wordpiece: Path) -> None:
    data = datasets.Dataset.from_dict(DATA, FEATURES)
    datasets.DatasetDict(train=data, test=data.select([0])).save_to_disk(str(tmp_path / "in"))
    run(tmp_path, input=str(tmp_path / "in"), tokenizer=str(wordpiece), columns=("text",), validation_ratio=0.0)
    assert len(rows(tmp_path, "train", ("text",))) == 3
    assert rows(tmp_path, "test", ("text", "labels")) == [("good film", "1")]


def test_a_repository_of_the_hub_has_data_and_descriptions(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    (tmp_path / "in/data").mkdir(parents=True)
    pq.write_table(pa.table(DATA), tmp_path / "in/data/train-00000-of-00001.parquet")
    written("in/README.md", "---\n---\n")
    written("in/dataset_infos.json", json.dumps({"default": {"features": FEATURES.to_dict()}}))
    assert find(str(tmp_path / "in"))[1] == ["README.md", "dataset_infos.json"]
    options = {"input": str(tmp_path / "in"), "tokenizer": str(wordpiece), "given_splits": "ignore"}
    assert len(kept(tmp_path, **options)) == 3
    assert names(tmp_path) == ["neg", "pos"]


def test_files_with_different_names_are_refused(tmp_path: Path) -> None:
    files = []
    for name in ("pos", "positive"):
        features = datasets.Features({**FEATURES, "label": datasets.ClassLabel(names=["neg", name])})
        datasets.Dataset.from_dict(DATA, features).to_parquet(str(tmp_path / f"{name}.parquet"))
        files.append(SourceFile(tmp_path / f"{name}.parquet", f"{name}.parquet", "parquet"))
    assert class_names(files[:1], "label") == ("neg", "pos")
    assert class_names(files, "text") is None
    with pytest.raises(UserError, match="^input files pos.parquet and positive.parquet have different names"):
        class_names(files, "label")


def test_long_texts_are_read_at_the_default_memory_limit(tmp_path: Path, wordpiece: Path) -> None:
    words = "good bad old film book "
    # Long ones are filtered, since only reading them matters.
    texts = [f"{words * 43_000 if n % 50 else words} {n}" for n in range(300)]
    pq.write_table(pa.table({"text": texts, "label": [n // 50 % 2 for n in range(300)]}), tmp_path / "a.parquet")
    assert needs_pyarrow(SourceFile(tmp_path / "a.parquet", "a.parquet", "parquet"))
    report = run(tmp_path, input=str(tmp_path / "a.parquet"), tokenizer=str(wordpiece), max_chars=1000)
    assert (report["rows"]["kept"], report["rows"]["filtered"]) == (6, {"longer than max_chars": 294})


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array(["caf\u00e9".encode(), b"b", b"\xff", None], pa.binary()), ["caf\u00e9", "b"]),
        (pa.array([1.5, float("nan"), 2.0, None]), ["1.5", "2.0"]),
        # Statistics of parquet files leave NaN out, of either sign.
        (pa.array([1.5, float("nan"), 2.0, -float("nan")]), ["1.5", "2.0"]),
        (pa.array([1.5, float("nan"), 2.0, 2.5], pa.float32()), ["1.5", "2.0", "2.5"]),
        (pa.array(["a", "b", "a", None]).dictionary_encode(), ["a", "b", "a"]),
    ],
)
def test_texts_of_other_types(tmp_path: Path, wordpiece: Path, column: pa.Array, expected: list[str]) -> None:
    pq.write_table(pa.table({"text": column, "label": [0, 1, 0, 1]}), tmp_path / "a.parquet")
    options: dict[str, Any] = {"input": str(tmp_path / "a.parquet"), "tokenizer": str(wordpiece), "label_threshold": 1}
    report = run(tmp_path, train_ratio=1.0, max_rejects=None, **options)
    assert report["rows"]["kept"] == len(expected)
    assert report["rows"]["rejected"] == ({"not UTF-8": 1} if column.type == pa.binary() else {})


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_not_a_number_is_missing_in_conditions_and_labels(tmp_path: Path, wordpiece: Path, suffix: str) -> None:
    nan = float("nan")
    # A row group of parquet whose numbers do not meet the conditions, and one whose numbers do.
    scores, labels = [1.0, nan, 2.0, 5.0, nan, -nan], [0.0, 1.0, 0.0, 1.0, nan, 0.0]
    data = pa.table({"text": [f"film {n}" for n in range(6)], "score": scores, "label": labels})
    path = tmp_path / f"a.{suffix}"
    if suffix == "parquet":
        pq.write_table(data, path, row_group_size=3)
    else:
        with pa.ipc.new_file(str(path), data.schema) as writer:
            writer.write_table(data)
    options: dict[str, Any] = {"input": str(path), "tokenizer": str(wordpiece), "max_rejects": None}
    conditions = {"score > 3": [3], "NOT score < 3": [3], "score IS NULL": [1, 5]}
    for number, (condition, expected) in enumerate(conditions.items()):
        found = kept(tmp_path / str(number), **options, label_map={"0": 0, "1": 1}, where=condition)
        assert [text for text, _ in found] == [f"film {row}" for row in expected]
    # Without a rule the values are the classes; of them NaN is none.
    assert [label for _, label in kept(tmp_path, **options)] == ["0", "1", "0", "1", "0"]


def test_lists_are_refused(tmp_path: Path, wordpiece: Path) -> None:
    pq.write_table(pa.table({"text": [["a"], ["b"]], "label": [0, 1]}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"^input file a.parquet has lists or objects \(VARCHAR\[\]\) in column text"):
        run(tmp_path, input=str(tmp_path / "a.parquet"), tokenizer=str(wordpiece))


def stream(count: int, **columns: pa.Array) -> bytes:
    """Arrow's stream format: batches of one row."""
    data = pa.table(
        {"text": [f"film {number}" for number in range(count)], "label": [n % 2 for n in range(count)], **columns}
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, data.schema) as writer:
        writer.write_table(data, max_chunksize=1)
    return bytes(sink.getvalue().to_pybytes())


def test_a_stream_is_read_to_its_end(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    path = written("a.arrow", stream(6))
    assert kept(tmp_path, input=str(path), tokenizer=str(wordpiece)) == [(f"film {n}", str(n % 2)) for n in range(6)]


def test_a_stream_that_its_writer_did_not_finish_is_refused(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    whole = stream(6)
    refused = 0
    # Every end, among them those between two batches.
    for end in range(8, len(whole), 8):
        path = written("a.arrow", whole[:end])
        with pytest.raises(UserError, match="file a.arrow (ends before Arrow's end-of-stream|cannot be read)"):
            run(tmp_path / "base", input=str(path), tokenizer=str(wordpiece))
        refused += 1
    assert refused > 100


@pytest.mark.parametrize("behind", [stream(3), b"x", b"\0" * 8], ids=["stream", "x", "zeros"])
def test_bytes_behind_a_stream_are_refused(written: Write, tmp_path: Path, wordpiece: Path, behind: bytes) -> None:
    path = written("a.arrow", stream(6) + behind)
    words = f"^file a.arrow has {len(behind):,} bytes behind its Arrow stream; expected one stream$"
    with pytest.raises(UserError, match=words):
        run(tmp_path, input=str(path), tokenizer=str(wordpiece))


def test_columns_that_duckdb_cannot_read_are_left_out(
    written: Write, tmp_path: Path, wordpiece: Path, caplog: pytest.LogCaptureFixture
) -> None:
    union = pa.UnionArray.from_dense(
        pa.array([0] * 3, pa.int8()), pa.array(range(3), pa.int32()), [pa.array([1, 2, 3])]
    )
    large = pa.array([1, 2, 3], pa.decimal256(60, 0))
    half = pa.array([0.5, 1.0, 1.5], pa.float16())
    path = written("a.arrow", stream(3, union=union, large=large, half=half))
    found = run(tmp_path, input=str(path), tokenizer=str(wordpiece), train_ratio=1.0, columns=("half",))
    assert found["rows"]["kept"] == 3
    assert [row[0] for row in rows(tmp_path, "train", ("half",))] == ["0.5", "1.0", "1.5"]
    assert "columns whose types cannot be read are left out: " in caplog.text
    assert "large (decimal256(60, 0))" in caplog.text and "union" in caplog.text


def test_a_column_that_datasets_cannot_read_is_not_kept(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    path = written("a.arrow", stream(3, took=pa.array([1, 2, 3], pa.duration("s"))))
    words = "^option --columns names took, which is month_day_nano_interval; expected a scalar or a list$"
    with pytest.raises(UserError, match=words):
        run(tmp_path, input=str(path), tokenizer=str(wordpiece), columns=("took",))
