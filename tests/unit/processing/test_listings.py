"""Hosts compare the names and sizes of their files with what the job says of them, and number the files alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from unit.processing.jobs import Write, as_csv, everything, run, table

from contract.failures import UserError
from contract.hosts import Hosts
from contract.local_server import free_port
from contract.paths import Paths
from processing import exchange, start
from processing.listings import Listings, are_exchanged
from processing.options import ProcessingOptions

NAMES = ("127.0.0.1", "127.0.0.2")
REPLICATED, SHARDED = "FullyReplicated", "ShardedByS3Key"


def jobs(tmp_path: Path, kind: str, tokenizer: Path, parts: Sequence[Sequence[Path]], **options: Any) -> list[str]:
    """Run the hosts of a job of which SageMaker says the distribution `kind`, with copies of the files in `parts`.

    Returns the error of each host, empty if it has none.
    """
    port = free_port()

    def work(rank: int) -> str:
        paths = Paths(tmp_path / NAMES[rank])
        paths.processing_input.mkdir(parents=True)
        for file in parts[rank]:
            (paths.processing_input / file.name).write_bytes(file.read_bytes())
        paths.processing_job_config.parent.mkdir()
        paths.processing_resource_config.write_text(json.dumps({"current_host": NAMES[rank], "hosts": NAMES}))
        s3 = {"LocalPath": str(paths.processing_input), "S3DataDistributionType": kind}
        paths.processing_job_config.write_text(json.dumps({"ProcessingInputs": [{"S3Input": s3}]}))
        fixed = {"tokenizer": str(tokenizer), "max_length": 8, "label_threshold": 3, "columns": ("id",)}
        try:
            start.run(ProcessingOptions(**{**fixed, "master_port": port, **options}), paths)
        except UserError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(work, range(2)))


@pytest.fixture
def files(written: Write) -> list[Path]:
    data = table(80)
    return [written(f"in/{part}.csv", as_csv(data[part * 20 : part * 20 + 20])) for part in range(4)]


@pytest.mark.parametrize("kind", [REPLICATED, SHARDED])
def test_hosts_with_the_files_that_the_job_says_write_each_row_once(
    tmp_path: Path, wordpiece: Path, files: list[Path], kind: str
) -> None:
    parts = [files, files] if kind == REPLICATED else [files[:1], files[1:]]
    assert jobs(tmp_path, kind, wordpiece, parts) == ["", ""]
    options = {"tokenizer": str(wordpiece), "label_threshold": 3, "columns": ("id",)}
    run(tmp_path / "one", input=str(files[0].parent), **options)
    found = [everything(tmp_path / name) for name in NAMES]
    expected = everything(tmp_path / "one")
    assert {split: sorted(row for part in found for row in part[split]) for split in expected} == expected


@pytest.mark.parametrize(
    ("kind", "changes", "words"),
    [
        (REPLICATED, "others", "hosts {0} and {1} have different input files (2.csv: missing and {2} bytes), but"),
        (REPLICATED, "fewer", "hosts {0} and {1} have different input files (3.csv: {2} bytes and missing), but"),
        (REPLICATED, "longer", "hosts {0} and {1} have different input files (3.csv: {2} bytes and {3} bytes), but"),
        (SHARDED, "same", "hosts {0} and {1} both have input file 3.csv of {2} bytes, but the input is sharded"),
    ],
)
@pytest.mark.parametrize("options", [{}, {"drop_duplicates": True}])
def test_hosts_with_other_files_than_the_job_says_write_nothing(
    tmp_path: Path,
    wordpiece: Path,
    files: list[Path],
    kind: str,
    changes: str,
    words: str,
    options: dict[str, Any],
) -> None:
    size = files[3].stat().st_size
    longer = tmp_path / "other" / "3.csv"
    longer.parent.mkdir()
    longer.write_bytes(files[3].read_bytes() + b"1,more,1\n")
    parts = {
        "others": [files[3:], files[2:]],
        "fewer": [files, files[:3]],
        "longer": [files, [*files[:3], longer]],
        "same": [files[2:], files[3:]],
    }[changes]
    size = files[2].stat().st_size if changes == "others" else size
    errors = jobs(tmp_path, kind, wordpiece, parts, **options)
    expected = words.format(*NAMES, size, longer.stat().st_size)
    remedy = "--input-distribution " + ("sharded" if kind == REPLICATED else "replicated")
    # The other host may have been told first.
    failed = {f"host {name} has failed, whose log says why" for name in NAMES}
    own = [error for error in errors if error not in failed]
    assert own
    assert all(error.startswith(expected) and remedy in error and "\n" not in error for error in own)
    assert not [path for name in NAMES for path in (tmp_path / name).glob("processing/*/**/*.json")]


def test_a_missing_host_ends_the_job_with_what_needs_no_other_host(
    tmp_path: Path, wordpiece: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "MEETING_SECONDS", 0.1)
    monkeypatch.setattr(exchange, "FAREWELL_SECONDS", 0.0)
    config = Paths(tmp_path).processing_resource_config
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"current_host": NAMES[0], "hosts": NAMES}))
    s3 = {"LocalPath": str(files[0].parent), "S3DataDistributionType": REPLICATED}
    Paths(tmp_path).processing_job_config.write_text(json.dumps({"ProcessingInputs": [{"S3Input": s3}]}))
    options: dict[str, Any] = {"max_length": 8, "label_threshold": 3, "input": str(files[0].parent)}
    words = "^host 127.0.0.2 did not connect .*; with --input-distribution replicated hosts do not compare"
    with pytest.raises(UserError, match=words):
        start.run(ProcessingOptions(tokenizer=str(wordpiece), master_port=free_port(), **options), Paths(tmp_path))
    start.run(ProcessingOptions(tokenizer=str(wordpiece), input_distribution="replicated", **options), Paths(tmp_path))
    assert list(tmp_path.glob("processing/train/127.0.0.1/*.arrow"))


@pytest.mark.parametrize(
    ("options", "sharded", "expected"),
    [
        ({}, True, True),
        ({}, False, True),
        ({"given_splits": "ignore"}, True, True),
        ({"input_distribution": "replicated", "drop_duplicates": True}, False, False),
        ({"input_distribution": "sharded"}, True, True),
        ({"input_distribution": "sharded", "given_splits": "ignore"}, True, False),
        ({"input_distribution": "sharded", "given_splits": "ignore", "max_rows": 9}, True, True),
        ({"input_distribution": "sharded", "split_column": "part"}, True, True),
    ],
)
def test_listings_are_exchanged_unless_no_host_needs_those_of_others(
    options: dict[str, Any], sharded: bool, expected: bool
) -> None:
    hosts = Hosts(NAMES[0], NAMES)
    assert are_exchanged(ProcessingOptions(**options), hosts, sharded) is expected
    assert not are_exchanged(ProcessingOptions(**options), Hosts(), sharded)
    # To compare them alone is no reason to wait for hosts that may not reach each other.
    needed = sharded and options.get("max_rows", options.get("given_splits", "auto")) != "ignore"
    assert are_exchanged(ProcessingOptions(**options), hosts, sharded, is_isolated=True) is needed


def test_files_are_numbered_as_one_host_reads_them() -> None:
    # A folder's files come before those of one whose name it starts.
    listings = [[("a/z.csv", 1), ("c.csv", 1)], [("a-b/y.csv", 1), ("b.csv", 1)]]
    assert [Listings(listings, host).numbers() for host in range(2)] == [[0, 3], [1, 2]]
    assert Listings(listings).names() == ["a/z.csv", "c.csv", "a-b/y.csv", "b.csv"]
