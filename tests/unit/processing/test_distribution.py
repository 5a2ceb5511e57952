"""Sharded or replicated input, by option or by the job's configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contract.failures import UserError
from contract.hosts import Hosts
from processing import distribution
from processing.distribution import can_be_shared, is_isolated, is_sharded, own_files
from processing.options import ProcessingOptions
from processing.reading.shares import Share
from processing.reading.source import find

TWO = Hosts("algo-2", ("algo-1", "algo-2"))
INPUT = "/opt/ml/processing/input"
ATHENA: dict[str, Any] = {"Catalog": "c", "Database": "d", "QueryString": "SELECT 1", "OutputFormat": "PARQUET"}


def job_config(folder: Path, *inputs: dict[str, Any]) -> Path:
    path = folder / "processingjobconfig.json"
    code = {"LocalPath": "/opt/ml/processing/code", "S3DataDistributionType": "FullyReplicated"}
    path.write_text(json.dumps({"ProcessingInputs": [{"InputName": "code", "S3Input": code}, *inputs]}))
    return path


def s3(kind: str | None, place: str = INPUT) -> dict[str, Any]:
    return {"S3Input": {"LocalPath": place, **({"S3DataDistributionType": kind} if kind else {})}}


def query(kind: str | None, place: str = INPUT) -> dict[str, Any]:
    definition = {"LocalPath": place, "AthenaDatasetDefinition": ATHENA}
    return {"DatasetDefinition": {**definition, **({"DataDistributionType": kind} if kind else {})}}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (s3("ShardedByS3Key"), True),
        (s3("FullyReplicated"), False),
        (s3(None), False),
        (query("FullyReplicated"), False),
        (query("ShardedByS3Key"), True),
        (query(None), True),
        (query(None, f"{INPUT}/athena"), True),
    ],
)
@pytest.mark.parametrize("place", [INPUT, f"{INPUT}/athena/part.tsv"])
def test_auto_reads_the_job_configuration(tmp_path: Path, entry: dict[str, Any], expected: bool, place: str) -> None:
    assert is_sharded(ProcessingOptions(), TWO, job_config(tmp_path, entry), Path(place)) is expected


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ([s3("ShardedByS3Key", "/elsewhere")], "processingjobconfig.json does not name it"),
        ([s3("FullyReplicated", f"{INPUT}/a"), query(None, f"{INPUT}/b")], "of FullyReplicated and ShardedByS3Key"),
        ([s3("Scattered")], "of Scattered"),
    ],
)
def test_several_hosts_ask_where_the_distribution_is_not_known(
    tmp_path: Path, inputs: list[dict[str, Any]], words: str
) -> None:
    with pytest.raises(UserError, match=f"^input {INPUT} is read by 2 hosts, but .*{words}.*--input-distribution"):
        is_sharded(ProcessingOptions(), TWO, job_config(tmp_path, *inputs), Path(INPUT))


def test_several_hosts_ask_without_a_job_configuration(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"processingjobconfig.json is missing; expected --input-distribution"):
        is_sharded(ProcessingOptions(), TWO, tmp_path / "processingjobconfig.json", Path("/x"))


def test_one_host_needs_no_configuration(tmp_path: Path) -> None:
    assert is_sharded(ProcessingOptions(), Hosts(), tmp_path / "none", Path("/x")) is False


def test_the_option_takes_precedence_over_the_job_configuration(tmp_path: Path) -> None:
    options = ProcessingOptions(input_distribution="replicated")
    assert is_sharded(options, TWO, job_config(tmp_path, s3("ShardedByS3Key")), Path(INPUT)) is False
    assert is_sharded(ProcessingOptions(input_distribution="sharded"), TWO, tmp_path / "none", Path("/x")) is True


def parts(folder: Path, sizes: list[int], hosts: int) -> list[list[str] | None]:
    """The files of each host, of which those that all hosts share have a mark."""
    folder.mkdir()
    for number, size in enumerate(sizes):
        (folder / f"{number}.csv").write_bytes(b"x" * size)
    names = tuple(f"algo-{number}" for number in range(1, hosts + 1))
    found = [own_files(find(str(folder))[0], Hosts(name, names)) for name in names]
    for host, share in enumerate(found):
        assert all(file.share in (Share(), Share(host, hosts)) for file in share or ())
    return [
        None if share is None else [file.name + ("" if file.share.is_whole else "*") for file in share]
        for share in found
    ]


def test_every_file_is_read_by_one_host_where_that_divides_the_work(tmp_path: Path) -> None:
    assert parts(tmp_path / "even", [5, 3, 4, 2, 2], 2) == [["0.csv", "3.csv", "4.csv"], ["1.csv", "2.csv"]]
    # Small files are not shared: of one that has most of the bytes all hosts read all rows.
    assert parts(tmp_path / "one", [100, 3, 4], 3) == [None] * 3
    # Two of four hosts with half of the input each: still less than reading all of it.
    assert parts(tmp_path / "few", [7, 7], 4) == [["0.csv"], ["1.csv"], [], []]


def test_large_files_are_shared_where_whole_files_do_not_divide_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distribution, "LEAST_SHARE", 2)
    assert parts(tmp_path / "one", [100, 3, 4], 3) == [["0.csv*", "2.csv"], ["0.csv*", "1.csv"], ["0.csv*"]]
    assert parts(tmp_path / "few", [8, 8], 4) == [["0.csv*", "1.csv*"]] * 4
    assert parts(tmp_path / "even", [8, 8], 2) == [["0.csv"], ["1.csv"]]


@pytest.mark.parametrize(
    ("column", "size", "expected"), [("text", 1, True), ("File_Row_Number", 1, False), ("text", 4_000_000, False)]
)
def test_parquet_files_are_shared_where_rows_have_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, column: str, size: int, expected: bool
) -> None:
    monkeypatch.setattr(distribution, "LEAST_SHARE", 2)
    pq.write_table(pa.table({column: ["x" * size]}), tmp_path / "a.parquet")
    [file], _ = find(str(tmp_path))
    assert can_be_shared(file, TWO) is expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"NetworkConfig": {"EnableNetworkIsolation": True}}, True),
        ({"NetworkConfig": {"EnableNetworkIsolation": False}}, False),
        ({"NetworkConfig": None}, False),
        ({}, False),
    ],
)
def test_the_job_configuration_says_whether_hosts_are_isolated(
    tmp_path: Path, config: dict[str, Any], expected: bool
) -> None:
    path = tmp_path / "processingjobconfig.json"
    assert is_isolated(path) is False
    path.write_text(json.dumps(config))
    assert is_isolated(path) is expected
