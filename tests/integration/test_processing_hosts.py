"""Processing on several hosts, each a process with an address of its own, with files and configuration of SageMaker."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import datasets
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from contract.local_server import free_port
from contract.paths import Paths

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
NAMES = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
REPLICATED, SHARDED = "FullyReplicated", "ShardedByS3Key"
PARTS = 6
Rows = dict[str, list[tuple[str, ...]]]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Reviews, of which a third are copies of others with some words changed, in other files."""
    pick = random.Random(5)
    words = [f"word{number}" for number in range(300)]
    texts = [pick.choices(words, k=pick.randint(12, 40)) for _ in range(800)]
    for source in pick.sample(texts, 400):
        copy = list(source)
        for place in pick.sample(range(len(copy)), pick.randint(0, 2)):
            copy[place] = pick.choice(words)
        texts.append(copy)
    pick.shuffle(texts)
    folder = tmp_path_factory.mktemp("reviews")
    for part in range(PARTS):
        rows = [f"{n}\t{' '.join(texts[n])}\t{n % 5 + 1}\n" for n in range(part, len(texts), PARTS)]
        (folder / f"part-{part}.tsv").write_text("id\ttext\tlabel\n" + "".join(rows))
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    words = ["[UNK]", *(f"word{number}" for number in range(300))]
    whole = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    whole.pre_tokenizer = pre_tokenizers.Whitespace()
    whole.save(str(folder / "tokenizer.json"))
    return folder


def started(base: Path, name: str, names: Sequence[str], kind: str, files: Sequence[Path]) -> Path:
    """The folder for /opt/ml of a host, with its `files` and what SageMaker says of them."""
    paths = Paths(base / name)
    paths.processing_input.mkdir(parents=True)
    for file in files:
        (paths.processing_input / file.name).write_bytes(file.read_bytes())
    paths.processing_job_config.parent.mkdir()
    paths.processing_resource_config.write_text(json.dumps({"current_host": name, "hosts": list(names)}))
    s3 = {"LocalPath": str(paths.processing_input), "S3DataDistributionType": kind}
    paths.processing_job_config.write_text(json.dumps({"ProcessingInputs": [{"S3Input": s3}]}))
    return paths.base


def processed(base: Path, kind: str, parts: Sequence[Sequence[Path]], *flags: str) -> list[tuple[int, str]]:
    """Exit status and message of each host of a job, which run at the same time; host k has the files `parts[k]`."""
    names, port = NAMES[: len(parts)], str(free_port())
    command = [
        sys.executable,
        "-m",
        "processing",
        "--max-length",
        "16",
        "--columns",
        "id",
        "--master-port",
        port,
        *flags,
    ]
    jobs = []
    for name, files in zip(names, parts, strict=True):
        folder = started(base, name, names, kind, files)
        variables = {**os.environ, "SAGEMAKER_BASE_DIR": str(folder), "PYTHONPATH": str(ROOT)}
        with (base / f"{name}.log").open("wb") as log:
            jobs.append(subprocess.Popen(command, env=variables, stdout=log, stderr=log))
    status = [job.wait(timeout=240) for job in jobs]
    messages = [Paths(base / name).message for name in names]
    return [
        (code, message.read_text() if message.exists() else "") for code, message in zip(status, messages, strict=True)
    ]


def rows(base: Path) -> Rows:
    """The rows of each split on all hosts, as docs/processing.md reads them."""
    found: Rows = {}
    for split in ("train", "validation", "test"):
        states = sorted(base.glob(f"*/processing/{split}/**/state.json"))
        whole = datasets.concatenate_datasets([datasets.load_from_disk(str(state.parent)) for state in states])
        found[split] = sorted(tuple(map(str, row.values())) for row in whole.to_list())
    return found


@pytest.mark.parametrize(
    "flags",
    [
        ("--label-threshold", "3"),
        ("--near-duplicates", "0.7", "--max-rows", "900"),
        ("--near-duplicates", "0.7", "--near-duplicate-rows", "drop", "--drop-duplicates", "--label-threshold", "3"),
    ],
)
def test_hosts_write_the_rows_of_one_host(
    tmp_path: Path, files: list[Path], tokenizer: Path, flags: tuple[str, ...]
) -> None:
    flags = ("--tokenizer", str(tokenizer), *flags)
    assert processed(tmp_path / "one", REPLICATED, [files], *flags) == [(0, "")]
    expected = rows(tmp_path / "one")
    for hosts, kind in ((2, REPLICATED), (2, SHARDED), (3, SHARDED)):
        base = tmp_path / f"{hosts}-{kind}"
        parts = [files if kind == REPLICATED else files[host::hosts] for host in range(hosts)]
        assert processed(base, kind, parts, *flags) == [(0, "")] * hosts
        assert rows(base) == expected


@pytest.mark.parametrize(
    ("kind", "wrong", "words"),
    [
        (REPLICATED, SHARDED, "have different input files"),
        (SHARDED, REPLICATED, "both have input file part-0.tsv of"),
    ],
)
def test_hosts_whose_files_are_not_as_the_job_says_fail_in_one_sentence(
    tmp_path: Path, files: list[Path], tokenizer: Path, kind: str, wrong: str, words: str
) -> None:
    parts = [files if wrong == REPLICATED else files[host::2] for host in range(2)]
    found = processed(tmp_path, kind, parts, "--tokenizer", str(tokenizer))
    assert [code for code, _ in found] == [2, 2]
    assert any(words in message and "--input-distribution" in message for _, message in found)
    assert not list(tmp_path.glob("*/processing/*/**/state.json"))


def test_hosts_end_at_once_where_one_fails_before_it_has_read_anything(
    tmp_path: Path, files: list[Path], tokenizer: Path
) -> None:
    parts = [files[:3], files[3:]]
    (tmp_path / "note.pdf").write_bytes(b"no rows")
    found = processed(tmp_path, SHARDED, [*parts, [tmp_path / "note.pdf"]], "--tokenizer", str(tokenizer))
    assert [code for code, _ in found] == [2, 2, 2]
    failed = f"host {NAMES[2]} has failed, whose log says why"
    assert [failed in message for _, message in found] == [True, True, False]
    assert "every file is empty or of an unknown format (note.pdf)" in found[2][1]
