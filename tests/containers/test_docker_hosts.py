"""Processing on several hosts by `docker run`, each a container in one network without a way out of it.

Local mode cannot shard.
"""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from containers.engine import docker
from datasets import concatenate_datasets, load_from_disk

SPLITS = ("train", "validation", "test")
ARGUMENTS = ("--tokenizer", "/opt/ml/processing/tokenizer", "--max-length", "64", "--label-threshold", "4")
PARTS = 3
REPLICATED, SHARDED = "FullyReplicated", "ShardedByS3Key"


@pytest.fixture(scope="module")
def parts(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The raw reviews, split into several files."""
    folder = tmp_path_factory.mktemp("parts")
    with gzip.open(inputs / "raw" / "reviews.tsv.gz", "rt", encoding="utf-8", newline="\n") as file:
        header, *lines = file.readlines()
    files = [folder / f"part-{number}.tsv" for number in range(PARTS)]
    for number, path in enumerate(files):
        path.write_text(header + "".join(lines[number::PARTS]), encoding="utf-8", newline="\n")
    return files


@pytest.fixture
def network() -> Iterator[str]:
    """A network in which the hosts of a job reach each other by name, and nothing else."""
    name = f"processing-hosts-{uuid.uuid4().hex[:8]}"
    docker("network", "create", "--internal", name)
    yield name
    docker("network", "rm", name)


def host(folder: Path, name: str, names: Sequence[str], kind: str, files: Sequence[Path], tokenizer: Path) -> None:
    """Create the files below /opt/ml for one host of a job, as SageMaker does."""
    config = folder / "config"
    config.mkdir(parents=True)
    (config / "resourceconfig.json").write_text(json.dumps({"current_host": name, "hosts": list(names)}))
    source = {"LocalPath": "/opt/ml/processing/input", "S3DataDistributionType": kind}
    job = {"ProcessingInputs": [{"InputName": "data", "S3Input": source}]}
    (config / "processingjobconfig.json").write_text(json.dumps(job))
    shutil.copytree(tokenizer, folder / "processing" / "tokenizer")
    (folder / "processing" / "input").mkdir()
    for path in files:
        shutil.copy(path, folder / "processing" / "input")


def run(
    image: str, network: str, folder: Path, kind: str, shards: Sequence[Sequence[Path]], tokenizer: Path, *flags: str
) -> list[tuple[int, str]]:
    """Exit status and message of each host; host k reads the files of shard k, all hosts at the same time."""
    names = [f"algo-{number}" for number in range(1, len(shards) + 1)]
    jobs = []
    for name, files in zip(names, shards, strict=True):
        host(folder / name, name, names, kind, files, tokenizer)
        where = ("--network", network, "--hostname", name, "--network-alias", name)
        mounted = ("--volume", f"{folder / name}:/opt/ml")
        command = ["docker", "run", "--rm", *where, *mounted, image, *ARGUMENTS, *flags]
        jobs.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
    status = [job.wait(timeout=240) for job in jobs]
    messages = [folder / name / "output" / "message" for name in names]
    return [
        (code, message.read_text() if message.exists() else "") for code, message in zip(status, messages, strict=True)
    ]


def rows(folder: Path, split: str) -> Counter[str]:
    """The rows of `split` below `folder`, in the form in which docs/processing.md reads all hosts' folders."""
    states = sorted(folder.glob(f"*/processing/{split}/**/state.json"))
    found = concatenate_datasets([load_from_disk(str(state.parent)) for state in states])
    return Counter(json.dumps(row, sort_keys=True) for row in found)


@pytest.mark.parametrize("flags", [(), ("--near-duplicates", "0.6", "--drop-duplicates", "--max-rows", "900")])
def test_hosts_prepare_the_rows_that_one_host_does(
    images: dict[str, str], network: str, inputs: Path, parts: list[Path], tmp_path: Path, flags: tuple[str, ...]
) -> None:
    image, tokenizer = images["processing"], inputs / "model"
    found = {}
    for name, kind, shards in (
        ("one", SHARDED, [parts]),
        ("two", SHARDED, [parts[:1], parts[1:]]),
        ("three", SHARDED, [[part] for part in parts]),
        ("replicated", REPLICATED, [parts, parts]),
    ):
        assert run(image, network, tmp_path / name, kind, shards, tokenizer, *flags) == [(0, "")] * len(shards)
        found[name] = {split: rows(tmp_path / name, split) for split in SPLITS}
    assert sum(found["one"]["train"].values()) > 500
    assert found["two"] == found["three"] == found["replicated"] == found["one"]
    written = {path.relative_to(tmp_path / "two").parts[3] for path in (tmp_path / "two").glob("*/processing/train/*")}
    assert len(written) == 2, "each host writes below its own name"


def test_hosts_notice_files_that_are_not_those_of_the_job(
    images: dict[str, str], network: str, inputs: Path, parts: list[Path], tmp_path: Path
) -> None:
    image, tokenizer = images["processing"], inputs / "model"
    for name, kind, shards, words in (
        ("missing", REPLICATED, [parts, parts[1:]], "hosts algo-1 and algo-2 have different input files (part-0.tsv: "),
        ("twice", SHARDED, [parts[:2], parts[1:]], "hosts algo-1 and algo-2 both have input file part-1.tsv of "),
    ):
        found = run(image, network, tmp_path / name, kind, shards, tokenizer)
        assert [status for status, _ in found] == [2, 2]
        assert any(message.startswith(words) and "--input-distribution" in message for _, message in found)
