"""Sharded or replicated input, by option or by the job's configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contract.hosts import Hosts
from processing.distribution import is_sharded
from processing.options import ProcessingOptions

TWO = Hosts("algo-2", ("algo-1", "algo-2"))


def job_config(folder: Path, kind: str) -> Path:
    path = folder / "processingjobconfig.json"
    s3 = {"LocalPath": "/opt/ml/processing/input", "S3DataDistributionType": kind}
    code = {"LocalPath": "/opt/ml/processing/code", "S3DataDistributionType": "FullyReplicated"}
    inputs = [{"InputName": "code", "S3Input": code}, {"InputName": "athena"}, {"InputName": "data", "S3Input": s3}]
    path.write_text(json.dumps({"ProcessingInputs": inputs}))
    return path


@pytest.mark.parametrize(("kind", "expected"), [("ShardedByS3Key", True), ("FullyReplicated", False)])
@pytest.mark.parametrize("place", ["/opt/ml/processing/input", "/opt/ml/processing/input/part.tsv"])
def test_auto_reads_the_job_configuration(tmp_path: Path, kind: str, expected: bool, place: str) -> None:
    assert is_sharded(ProcessingOptions(), TWO, job_config(tmp_path, kind), Path(place)) is expected


def test_auto_is_replicated_by_default(tmp_path: Path) -> None:
    assert is_sharded(ProcessingOptions(), TWO, tmp_path / "none", Path("/x")) is False
    assert is_sharded(ProcessingOptions(), TWO, job_config(tmp_path, "ShardedByS3Key"), Path("/elsewhere")) is False


def test_the_option_takes_precedence_over_the_job_configuration(tmp_path: Path) -> None:
    options = ProcessingOptions(input_distribution="replicated")
    place = Path("/opt/ml/processing/input")
    assert is_sharded(options, TWO, job_config(tmp_path, "ShardedByS3Key"), place) is False
    assert is_sharded(ProcessingOptions(input_distribution="sharded"), TWO, tmp_path / "none", place) is True
