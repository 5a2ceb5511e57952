"""Processing on several hosts with sharded input, by `docker run`, since local mode cannot shard."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from datasets import concatenate_datasets, load_from_disk

SPLITS = ("train", "validation", "test")
ARGUMENTS = ("--tokenizer", "/opt/ml/processing/tokenizer", "--max-length", "64", "--label-threshold", "4")
PARTS = 3


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


def host(folder: Path, name: str, names: Sequence[str], files: Sequence[Path], tokenizer: Path) -> None:
    """Create the files below /opt/ml for one host of a job with sharded input, as SageMaker does."""
    config = folder / "config"
    config.mkdir(parents=True)
    (config / "resourceconfig.json").write_text(json.dumps({"current_host": name, "hosts": list(names)}))
    source = {"LocalPath": "/opt/ml/processing/input", "S3DataDistributionType": "ShardedByS3Key"}
    job = {"ProcessingInputs": [{"InputName": "data", "S3Input": source}]}
    (config / "processingjobconfig.json").write_text(json.dumps(job))
    shutil.copytree(tokenizer, folder / "processing" / "tokenizer")
    (folder / "processing" / "input").mkdir()
    for path in files:
        shutil.copy(path, folder / "processing" / "input")


def processed(image: str, folder: Path, shards: Sequence[Sequence[Path]], tokenizer: Path) -> dict[str, Counter[str]]:
    """Rows of each split, over all hosts; host k reads the files of shard k, all hosts at the same time."""
    names = [f"algo-{number}" for number in range(1, len(shards) + 1)]
    jobs = []
    for name, files in zip(names, shards, strict=True):
        host(folder / name, name, names, files, tokenizer)
        where = ("--network", "none", "--volume", f"{folder / name}:/opt/ml")
        jobs.append(subprocess.Popen(["docker", "run", "--rm", *where, image, *ARGUMENTS], stdout=subprocess.DEVNULL))
    assert [job.wait(timeout=120) for job in jobs] == [0] * len(jobs)
    return {split: rows(folder, split) for split in SPLITS}


def rows(folder: Path, split: str) -> Counter[str]:
    """The rows of `split` below `folder`, in the form in which docs/processing.md reads all hosts' folders."""
    states = sorted(folder.glob(f"*/processing/{split}/**/state.json"))
    found = concatenate_datasets([load_from_disk(str(state.parent)) for state in states])
    return Counter(json.dumps(row, sort_keys=True) for row in found)


def test_sharded_hosts_prepare_the_rows_that_one_host_does(
    images: dict[str, str], inputs: Path, parts: list[Path], tmp_path: Path
) -> None:
    image, tokenizer = images["processing"], inputs / "model"
    alone = processed(image, tmp_path / "one", [parts], tokenizer)
    shared = processed(image, tmp_path / "two", [parts[:1], parts[1:]], tokenizer)
    assert sum(alone["train"].values()) > 500
    assert shared == alone
    written = {path.relative_to(tmp_path / "two").parts[3] for path in (tmp_path / "two").glob("*/processing/train/*")}
    assert len(written) == 2, "each host writes below its own name"
