"""The training image's program against plain Trainer: accuracy and seconds with the same rows and hyperparameters.

    python -m benchmarks.finetuning --data reviews.tsv.gz --output FOLDER [--model FOLDER] \\
        [--rows 4000] [--epochs 2] [--max-length 128] [--batch 16] [--learning-rate 5e-5] [--seeds 3]

Three quarters of the rows are trained on, the accuracy is that on the others after the last epoch; for
the image, which delivers the best epoch, also the delivered model's. Whole processes on all cores, one
at a time, in alternating order; in fp32 and, where the CPU multiplies bf16, in bf16. Each result is
written to finetuning.json as it comes, so that an interrupted benchmark continues where it was. Writes
finetuning.md (a table) and finetuning.svg at the end.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import itertools
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import models
from benchmarks.finetuning_results import IMAGE, TRAINER, Result, medians, summary, table
from benchmarks.jobs import create, environment
from benchmarks.measure import Way, machine, run
from benchmarks.plot import bars
from contract.cpu import BFLOAT16_FLAGS, cpu_flags
from contract.files import read_json, sha256, write_json, write_text
from contract.paths import Paths

PRECISIONS = ("fp32", "bf16")
TEXT_COLUMN, LABEL_COLUMN = "review_body", "star_rating"
POSITIVE = 4  # stars, and more
# What two results must have in common to be compared.
SETTINGS = ("rows", "epochs", "max_length", "batch", "learning_rate")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.finetuning")
    parser.add_argument("--data", type=Path, required=True, help="tab-separated and gzipped, with star_rating")
    parser.add_argument("--output", type=Path, required=True, help="folder for the results, the table and the plot")
    models.add_option(parser, scratch=False)
    parser.add_argument("--rows", type=int, default=4000, help="read; three quarters of them are trained on")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--max-length", type=int, default=128, help="tokens")
    parser.add_argument("--batch", type=int, default=16, help="rows a step")
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each way and precision")
    default = PRECISIONS if cpu_flags() & BFLOAT16_FLAGS else PRECISIONS[:1]
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS, default=list(default))
    return parser.parse_args(arguments)


def reviews(data: Path, rows: int) -> list[dict[str, str | int]]:
    """`rows` reviews of distinct texts, chosen and ordered by a fixed seed.

    Raises:
        SystemExit: there are fewer.
    """
    found: dict[str, int] = {}
    with gzip.open(data, "rt", encoding="utf-8", newline="\n") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            found[row[TEXT_COLUMN]] = int(int(row[LABEL_COLUMN]) >= POSITIVE)
    if len(found) < rows:
        sys.exit(f"--data {data} has {len(found)} distinct texts, expected at least --rows {rows}")
    chosen = random.Random(0).sample(sorted(found), rows)
    return [{"text": text, "label": found[text]} for text in chosen]


def prepare(folder: Path, given: argparse.Namespace, model: Path) -> Path:
    """The channels train, validation and model in `folder`/data; returns `folder`."""
    rows = reviews(given.data, given.rows)
    judged = len(rows) // 4
    for channel, part in (("train", rows[judged:]), ("validation", rows[:judged])):
        lines = "".join(json.dumps(row) + "\n" for row in part)
        write_text(folder / "data" / channel / "rows.jsonl", lines)
    (folder / "data" / "model").symlink_to(model)
    return folder


def devices() -> dict[str, str]:
    """The variables that give both ways all cores, and no GPU."""
    return {"OMP_NUM_THREADS": str(len(os.sched_getaffinity(0))), "CUDA_VISIBLE_DEVICES": ""}


def by_image(folder: Path, inputs: Path, given: argparse.Namespace, precision: str, seed: int) -> Result:
    """Train by the image's entry point, with its defaults."""
    asked = {
        "epochs": given.epochs,
        "train_batch_size": given.batch,
        "learning_rate": given.learning_rate,
        "max_length": given.max_length,
        "seed": seed,
        "bf16": precision == "bf16",
    }
    paths = create(folder / "image", inputs, asked)
    way = Way(IMAGE, (sys.executable, "-m", "training", "train"), environ=environment(paths) | devices())
    measured = run(way, folder / "log.txt")
    said = read_json(paths.output_data / "metrics.json", "metrics")
    scores = [entry["eval_accuracy"] for entry in said["history"] if "eval_accuracy" in entry]
    delivered = said["metrics"]["eval_accuracy"]
    # One evaluation an epoch; what follows is of the delivered model.
    return Result(precision, seed, IMAGE, scores[given.epochs - 1], delivered, measured.seconds, measured.peak)


def by_trainer(folder: Path, inputs: Path, given: argparse.Namespace, precision: str, seed: int) -> Result:
    """Train by benchmarks/peers/plain_trainer.py."""
    data, result = inputs / "data", folder / "result.json"
    named = {
        "train": data / "train" / "rows.jsonl",
        "test": data / "validation" / "rows.jsonl",
        "model": data / "model",
        "output": folder / "trainer",
        "result": result,
        "epochs": given.epochs,
        "batch": given.batch,
        "max-length": given.max_length,
        "learning-rate": given.learning_rate,
        "seed": seed,
    }
    command = [sys.executable, "-m", "benchmarks.peers.plain_trainer"]
    command += [text for name, value in named.items() for text in (f"--{name}", str(value))]
    command += ["--bf16"] if precision == "bf16" else []
    environ = environment(Paths(folder / "trainer")) | devices()
    measured = run(Way(TRAINER, command, environ=environ), folder / "log.txt")
    said = read_json(result, "result")
    return Result(precision, seed, TRAINER, said["accuracy"], said["delivered"], measured.seconds, measured.peak)


WAYS: Mapping[str, Callable[[Path, Path, argparse.Namespace, str, int], Result]] = {
    IMAGE: by_image,
    TRAINER: by_trainer,
}


def order(precisions: Sequence[str], seeds: int) -> Iterator[tuple[str, int, str]]:
    """Every training; the way that comes first alternates in each precision, as the machine's speed changes."""
    for seed, precision in itertools.product(range(seeds), precisions):
        for way in list(WAYS)[:: -1 if seed % 2 else 1]:
            yield precision, seed, way


def read_results(file: Path, settings: Mapping[str, object]) -> list[Result]:
    """The results of an earlier start; none where there is no file.

    Raises:
        SystemExit: they are of other settings.
    """
    if not file.exists():
        return []
    content = read_json(file, "results")
    if content["settings"] != dict(settings):
        sys.exit(f"{file} holds results of {content['settings']}, expected {dict(settings)} or another --output")
    return [Result(**result) for result in content["results"]]


def train_all(given: argparse.Namespace, model: Path, file: Path, settings: Mapping[str, object]) -> list[Result]:
    """Every result of `order`: those in `file`, and the others by training."""
    results = read_results(file, settings)
    with tempfile.TemporaryDirectory(prefix="finetuning-") as name:
        inputs = prepare(Path(name) / "inputs", given, model)
        for precision, seed, way in order(given.precision, given.seeds):
            if any(result.key == (precision, seed, way) for result in results):
                continue
            with tempfile.TemporaryDirectory(dir=name) as folder:
                results.append(WAYS[way](Path(folder), inputs, given, precision, seed))
            write_json(file, {"settings": settings, "results": [asdict(result) for result in results]})
            print(results[-1], flush=True)
    wanted = set(order(given.precision, given.seeds))
    return [result for result in results if result.key in wanted]


def main() -> None:
    given = parse()
    model = models.locate(given.model)
    settings = {name: getattr(given, name) for name in SETTINGS} | {"weights": sha256(model / "model.safetensors")[:12]}
    given.output.mkdir(parents=True, exist_ok=True)
    results = train_all(given, model, given.output / "finetuning.json", settings)
    groups = {name: [each for each in results if each.precision == name] for name in given.precision}
    stated = ", ".join(f"{name} {value}" for name, value in settings.items())
    head = f"{machine()}; {datetime.now(UTC):%Y-%m-%d}; {stated}"
    text = "\n\n".join([head, table(results), *(summary(name, group) for name, group in groups.items())]) + "\n"
    print(f"\n{text}")
    write_text(given.output / "finetuning.md", text)
    shown = {name: medians(group) for name, group in groups.items()}
    write_text(given.output / "finetuning.svg", bars("Fine-tuning on the same rows, whole processes", shown))


if __name__ == "__main__":
    main()
