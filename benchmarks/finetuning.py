"""Compares the training image with plain transformers Trainer: metric and seconds with the same hyperparameters.

    python -m benchmarks.finetuning --data reviews.tsv.gz --output FOLDER [--model FOLDER] \\
        [--task single|multilabel|regression|pairs] [--rows 4000] [--epochs 2] [--max-length 128] [--batch 16] \\
        [--learning-rate 5e-5] [--seeds 3]

Both train on three quarters of the rows; the metric of the task is that on the other rows after the last epoch, and
for the image, which delivers the best epoch, also that of the delivered model. They run as whole processes on
all cores, one at a time in alternating order, in fp32 and, if the CPU computes bf16 in hardware, in bf16.
Each result is written to finetuning.json at once, so that an interrupted benchmark continues. Writes
finetuning.md (a table) and finetuning.svg at the end.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import finetuning_tasks, models
from benchmarks.finetuning_results import IMAGE, TRAINER, Result, medians, summary, table
from benchmarks.finetuning_tasks import TASKS
from benchmarks.jobs import create, environment
from benchmarks.measure import Program, machine, run
from benchmarks.plot import bars
from contract.cpu import BFLOAT16_FLAGS, cpu_flags
from contract.files import read_json, sha256, write_json, write_text
from contract.paths import Paths

PRECISIONS = ("fp32", "bf16")
# Settings that must be the same for two results to be compared.
SETTINGS = ("task", "rows", "epochs", "max_length", "batch", "learning_rate")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.finetuning")
    parser.add_argument("--data", type=Path, required=True, help="gzip file of tab-separated values with star_rating")
    parser.add_argument("--output", type=Path, required=True, help="folder for the results, the table and the plot")
    models.add_option(parser, scratch=False)
    parser.add_argument("--task", choices=TASKS, default="single")
    parser.add_argument("--rows", type=int, default=4000, help="number of rows; three quarters are trained on")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--max-length", type=int, default=128, help="longest row in tokens")
    parser.add_argument("--batch", type=int, default=16, help="rows per step")
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each program and precision")
    default = PRECISIONS if cpu_flags() & BFLOAT16_FLAGS else PRECISIONS[:1]
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS, default=list(default))
    return parser.parse_args(arguments)


def prepare(folder: Path, options: argparse.Namespace, model: Path) -> Path:
    """Write the channels train, validation and model to `folder`/data; returns `folder`."""
    rows = finetuning_tasks.rows(options.task, options.data, options.rows, options.max_length)
    validation = len(rows) // 4
    for channel, part in (("train", rows[validation:]), ("validation", rows[:validation])):
        lines = "".join(json.dumps(row) + "\n" for row in part)
        write_text(folder / "data" / channel / "rows.jsonl", lines)
    (folder / "data" / "model").symlink_to(model)
    return folder


def devices() -> dict[str, str]:
    """Environment variables that give both programs all cores and no GPU."""
    return {"OMP_NUM_THREADS": str(len(os.sched_getaffinity(0))), "CUDA_VISIBLE_DEVICES": ""}


def by_image(folder: Path, inputs: Path, options: argparse.Namespace, precision: str, seed: int) -> Result:
    """Train by the image's entry point, with its defaults."""
    hyperparameters = {
        "epochs": options.epochs,
        "train_batch_size": options.batch,
        "learning_rate": options.learning_rate,
        "max_length": options.max_length,
        "seed": seed,
        "bf16": precision == "bf16",
        **TASKS[options.task].hyperparameters,
    }
    paths = create(folder / "image", inputs, hyperparameters)
    program = Program(IMAGE, (sys.executable, "-m", "training", "train"), environ=environment(paths) | devices())
    measured = run(program, folder / "log.txt")
    results = read_json(paths.output_data / "metrics.json", "metrics")
    metric = f"eval_{TASKS[options.task].metric}"
    scores = [entry[metric] for entry in results["history"] if metric in entry]
    delivered = results["metrics"][metric]
    # One evaluation per epoch; the one after them is that of the delivered model.
    return Result(precision, seed, IMAGE, scores[options.epochs - 1], delivered, measured.seconds, measured.peak)


def by_trainer(folder: Path, inputs: Path, options: argparse.Namespace, precision: str, seed: int) -> Result:
    """Train by benchmarks/peers/plain_trainer.py."""
    data, result = inputs / "data", folder / "result.json"
    values = {
        "train": data / "train" / "rows.jsonl",
        "test": data / "validation" / "rows.jsonl",
        "model": data / "model",
        "task": options.task,
        "output": folder / "trainer",
        "result": result,
        "epochs": options.epochs,
        "batch": options.batch,
        "max-length": options.max_length,
        "learning-rate": options.learning_rate,
        "seed": seed,
    }
    command = [sys.executable, "-m", "benchmarks.peers.plain_trainer"]
    command += [text for name, value in values.items() for text in (f"--{name}", str(value))]
    command += ["--bf16"] if precision == "bf16" else []
    environ = environment(Paths(folder / "trainer")) | devices()
    measured = run(Program(TRAINER, command, environ=environ), folder / "log.txt")
    scores = read_json(result, "result")
    return Result(precision, seed, TRAINER, scores["score"], scores["delivered"], measured.seconds, measured.peak)


PROGRAMS: Mapping[str, Callable[[Path, Path, argparse.Namespace, str, int], Result]] = {
    IMAGE: by_image,
    TRAINER: by_trainer,
}


def order(precisions: Sequence[str], seeds: int) -> Iterator[tuple[str, int, str]]:
    """Precision, seed and program of every training; the programs' order alternates, as a machine's speed varies."""
    for seed, precision in itertools.product(range(seeds), precisions):
        for program in list(PROGRAMS)[:: -1 if seed % 2 else 1]:
            yield precision, seed, program


def read_results(file: Path, settings: Mapping[str, object]) -> list[Result]:
    """The results of an interrupted benchmark in `file`; empty if it does not exist.

    Raises:
        SystemExit: they have other settings.
    """
    if not file.exists():
        return []
    content = read_json(file, "results")
    if content["settings"] != dict(settings):
        sys.exit(f"{file} has results of {content['settings']}, expected {dict(settings)} or another --output")
    return [Result(**result) for result in content["results"]]


def train_all(options: argparse.Namespace, model: Path, file: Path, settings: Mapping[str, object]) -> list[Result]:
    """Run every training of `order` that has no result in `file` yet; returns all results."""
    results = read_results(file, settings)
    with tempfile.TemporaryDirectory(prefix="finetuning-") as name:
        inputs = prepare(Path(name) / "inputs", options, model)
        for precision, seed, program in order(options.precision, options.seeds):
            if any(result.key == (precision, seed, program) for result in results):
                continue
            with tempfile.TemporaryDirectory(dir=name) as folder:
                results.append(PROGRAMS[program](Path(folder), inputs, options, precision, seed))
            write_json(file, {"settings": settings, "results": [asdict(result) for result in results]})
            print(results[-1], flush=True)
    keys = set(order(options.precision, options.seeds))
    return [result for result in results if result.key in keys]


def main() -> None:
    """Run the benchmark; writes the table and the plot."""
    options = parse()
    model = models.locate(options.model)
    settings: dict[str, object] = {name: getattr(options, name) for name in SETTINGS}
    settings["weights"] = sha256(model / "model.safetensors")[:12]
    options.output.mkdir(parents=True, exist_ok=True)
    results = train_all(options, model, options.output / "finetuning.json", settings)
    groups = {name: [result for result in results if result.precision == name] for name in options.precision}
    shown_settings = ", ".join(f"{name} {value}" for name, value in settings.items())
    head = f"{machine()}; {datetime.now(UTC):%Y-%m-%d}; {shown_settings}"
    metric = TASKS[options.task].metric
    sentences = [summary(name, group, metric) for name, group in groups.items()]
    text = "\n\n".join([head, table(results, metric), *sentences]) + "\n"
    print(f"\n{text}")
    write_text(options.output / "finetuning.md", text)
    runs = {name: medians(group) for name, group in groups.items()}
    write_text(options.output / "finetuning.svg", bars("Fine-tuning on the same rows, whole processes", runs))


if __name__ == "__main__":
    main()
