"""The processing image's entry point, run as a process."""

from __future__ import annotations

import gzip
import json
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import datasets
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
# A tab-separated file of reviews and a model folder, for a test with real data.
REAL_FILE, REAL_MODEL = "PROCESSING_TEST_FILE", "PROCESSING_TEST_MODEL"
# Number of kills.
KILLS = "PROCESSING_TEST_KILLS"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with a small word-level tokenizer.json."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "bad", "film"]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    special = [("[CLS]", 2), ("[SEP]", 3)]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=special)
    folder = tmp_path / "model"
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def reviews(count: int) -> bytes:
    pick = random.Random(0)
    rows = (f'{n}\t{"good" if n % 2 else "bad"} film "{pick.random()}\t{n % 5 + 1}' for n in range(count))
    return ("review_id\treview_body\tstar_rating\n" + "\n".join(rows) + "\n").encode()


def put_input(base: Path, count: int) -> None:
    folder = base / "processing" / "input"
    folder.mkdir(parents=True)
    (folder / "reviews.tsv.gz").write_bytes(gzip.compress(reviews(count), 1))


def command(*flags: str) -> list[str]:
    return [sys.executable, "-m", "processing", *flags]


def environment(base: Path) -> dict[str, str]:
    return {**os.environ, "SAGEMAKER_BASE_DIR": str(base), "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}


def process(base: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*flags), env=environment(base), capture_output=True, text=True, timeout=120)


def finished(base: Path) -> list[Path]:
    return sorted(base.glob("processing/**/state.json")) + sorted(base.glob("processing/**/report.json"))


def rows_in(folders: Sequence[Path]) -> int:
    return sum(datasets.load_from_disk(str(folder)).num_rows for folder in folders)


def test_the_tutorials_command_line_on_sagemakers_folders(tmp_path: Path, model: Path) -> None:
    base = tmp_path / "ml"
    put_input(base, 2000)
    flags = ["--file-name", "reviews.tsv.gz", "--model-name", str(model), "--train-ratio", "0.7"]
    done = process(base, *flags, "--val-ratio", "0.2", "--star-threshold", "3", "--max_length", "16")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    places = [base / "processing" / split for split in ("train", "validation", "test")]
    sizes = [datasets.load_from_disk(str(place)).num_rows for place in places]
    report = json.loads((base / "processing/report/report.json").read_text())
    assert sum(sizes) == report["rows"]["kept"] == report["rows"]["read"] == 2000
    assert sizes[0] > sizes[1] > sizes[2] > 100
    train = datasets.load_from_disk(str(places[0]))
    assert train.column_names == ["input_ids", "labels", "length"]
    assert {row[0] for row in train["input_ids"]} == {2} and max(train["length"]) <= 16
    assert all((place / "card.json").exists() for place in [*places, base / "processing/report"])
    assert not list(base.glob("**/.incomplete"))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--max-lenth", "4"], "unknown option --max-lenth: did you mean --max-length?"),
        (["--text-column", "body"], "no column body (--text-column)"),
        (["--tokenizer", "/nowhere"], "tokenizer /nowhere: no such file"),
        (["--label-map", '{"1": "bad", "2": "good"}'], "has the label '3' in column star_rating"),
        (["--where", "star_rating > 9"], "no row is left to train on"),
    ],
)
def test_a_user_error_is_one_sentence_in_log_and_message(
    tmp_path: Path, model: Path, flags: list[str], words: str
) -> None:
    base = tmp_path / "ml"
    put_input(base, 50)
    done = process(base, "--tokenizer", str(model), *flags)
    message = (base / "output" / "message").read_text()
    assert done.returncode == 2
    assert words in message and "\n" not in message
    assert words in done.stdout and "Traceback" not in done.stdout + done.stderr
    assert finished(base) == []


def test_help_and_version_import_no_heavy_library(tmp_path: Path) -> None:
    shown = process(tmp_path, "--help")
    assert shown.returncode == 0
    assert "--label-threshold, --star-threshold" in shown.stdout
    assert json.loads(process(tmp_path, "--version").stdout)["libraries"]["duckdb"]


def test_a_job_killed_at_any_moment_leaves_no_output_that_looks_complete(tmp_path: Path, model: Path) -> None:
    """Each output folder is complete or absent; train is published last, so with it all are complete."""
    base = tmp_path / "ml"
    put_input(base, 30_000)
    flags = ["--tokenizer", str(model), "--label-threshold", "3"]
    started = time.monotonic()
    assert process(base, *flags).returncode == 0
    duration = time.monotonic() - started
    expected = sizes(base)
    assert sum(expected.values()) == 30_000 and len(finished(base)) == 4
    pick = random.Random()
    killed = 0
    for _ in range(int(os.environ.get(KILLS, 6))):
        for state in finished(base):
            shutil.rmtree(state.parent)
        job = subprocess.Popen(command(*flags), env=environment(base), stdout=subprocess.DEVNULL)
        time.sleep(pick.uniform(0.05, 1) * duration)
        job.send_signal(signal.SIGKILL)
        killed += job.wait() == -signal.SIGKILL
        found = sizes(base)
        assert found.items() <= expected.items()
        assert "train" not in found or len(finished(base)) == 4
    assert killed > 0
    assert process(base, *flags).returncode == 0
    assert sizes(base) == expected and not list(base.glob("**/.incomplete"))


def sizes(base: Path) -> dict[str, int]:
    """Number of rows of each split that looks complete; reading an incomplete one would raise."""
    states = base.glob("processing/*/state.json")
    return {state.parent.name: datasets.load_from_disk(str(state.parent)).num_rows for state in states}


def test_a_file_larger_than_memory_is_read(tmp_path: Path, model: Path) -> None:
    base = tmp_path / "ml"
    folder = base / "processing" / "input"
    folder.mkdir(parents=True)
    line = "good film " * 1500
    (folder / "a.tsv").write_text("text\tlabel\n" + "".join(f"{n} {line}\t{n % 5}\n" for n in range(10_000)))
    assert (folder / "a.tsv").stat().st_size > 140_000_000
    flags = ["--tokenizer", str(model), "--label-threshold", "3", "--max-length", "8", "--where", "label > 3"]
    done = process(base, *flags, "--memory-limit", "128MB", "--drop-duplicates")
    assert done.returncode == 0, done.stdout
    assert sum(sizes(base).values()) == 2000


@pytest.mark.parametrize("closed", ["1", "2", "0"])
def test_a_job_ends_well_without_one_of_its_standard_streams(tmp_path: Path, model: Path, closed: str) -> None:
    put_input(tmp_path, 50)
    line = shlex.join(command("--tokenizer", str(model), "--label-threshold", "3"))
    assert subprocess.run(["bash", "-c", f"{line} {closed}>&-"], env=environment(tmp_path)).returncode == 0
    assert (tmp_path / "processing/train/card.json").exists()


def test_heavy_libraries_are_not_imported(tmp_path: Path) -> None:
    # Of a structure that nanotoken is proven for.
    tokenizer = Tokenizer(
        models.WordPiece({"[UNK]": 0, "good": 1, "bad": 2}, unk_token="[UNK]", max_input_chars_per_word=100)
    )
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    model = tmp_path / "tokenizer.json"
    tokenizer.save(str(model))
    base = tmp_path / "ml"
    put_input(base, 50)
    code = (
        "import sys; from processing.__main__ import main; "
        f"status = main(['--tokenizer', {str(model)!r}, '--label-threshold', '3']); "
        "heavy = {'torch', 'transformers', 'datasets', 'pandas'} & set(sys.modules); "
        "print('heavy:', sorted(heavy)); sys.exit(status or len(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(base), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((base / "processing/report/report.json").read_text())
    assert report["tokenizing"]["fast_rows"] == 50


@pytest.mark.skipif(
    REAL_FILE not in os.environ or REAL_MODEL not in os.environ,
    reason=f"{REAL_FILE} and {REAL_MODEL} name no real data",
)
def test_token_ids_of_real_reviews_equal_the_tokenizers_librarys(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    source, model = Path(os.environ[REAL_FILE]), os.environ[REAL_MODEL]
    flags = ["--input", str(source), "--tokenizer", model, "--max-length", "128", "--label-threshold", "4"]
    done = process(tmp_path, *flags, "--train-ratio", "1", "--columns", "review_body")
    assert done.returncode == 0, done.stdout
    prepared = datasets.load_from_disk(str(tmp_path / "processing" / "train"))
    with gzip.open(source, "rt", encoding="utf-8", newline="\n") as file:
        lines = file.read().rstrip("\n").split("\n")
    column = lines[0].split("\t").index("review_body")
    texts = [line.split("\t")[column] for line in lines[1:]]
    expected = transformers.AutoTokenizer.from_pretrained(model)(texts, truncation=True, max_length=128)["input_ids"]
    assert prepared["review_body"][:] == texts
    assert prepared["input_ids"][:] == expected
