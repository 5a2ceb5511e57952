"""Compares the training image with the tutorial's train.py: same model, rows, device, batch size and learning rate.

    python -m benchmarks.training --data reviews.tsv.gz --model FOLDER [FOLDER ...] --output FOLDER \\
        [--rows 160] [--words 0 18] [--batch 8] [--gpu]

They run as whole processes, one after the other, with the reviews as they are (--words 0) and cut to a
mean number of words; at most --max-length tokens, to which the tutorial pads. Writes training.md (a table)
and training.svg. With --gpu both use the GPU, and its model FLOPs utilization (MFU, bf16) is shown.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.jobs import create, environment
from benchmarks.measure import Program, Run, machine, run
from benchmarks.plot import bars
from contract.files import read_json, write_text
from contract.paths import Paths

TEXT_COLUMN = "review_body"
HEADS = (
    *("program", "samples/s", "speed-up", "tokens/s", "padding", "training loss", "validation loss"),
    *("peak memory", "seconds"),
)
PEAK_HEAD = "MFU (bf16)"


@dataclass(frozen=True)
class Result:
    """Measurement of a program's process, and its metrics."""

    run: Run
    metrics: Mapping[str, float]


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training")
    parser.add_argument("--data", type=Path, required=True, help="gzip file of tab-separated values with star_rating")
    parser.add_argument("--model", nargs="+", required=True, help="folders with weights, config.json, tokenizer.json")
    parser.add_argument("--output", type=Path, required=True, help="folder for the table and the plot")
    parser.add_argument("--rows", type=int, default=200, help="number of rows; four fifths are trained on")
    parser.add_argument("--words", type=int, nargs="+", default=[0, 18], help="mean words of a row; 0: do not cut")
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--gpu", action="store_true", help="train on the first GPU")
    return parser.parse_args(arguments)


def shortened(lines: Iterator[str], words: int) -> Iterator[str]:
    """Lines with each text cut to its first words: a random number between 0.5 and 1.5 times `words`; 0: unchanged."""
    header = next(lines)
    column = header.rstrip("\n").split("\t").index(TEXT_COLUMN)
    yield header
    lengths = random.Random(0)
    for line in lines:
        fields = line.rstrip("\n").split("\t")
        if words:
            kept = fields[column].split()[: lengths.randint((words + 1) // 2, words + words // 2)]
            fields[column] = " ".join(kept)
        yield "\t".join(fields) + "\n"


def prepare(folder: Path, options: argparse.Namespace, model: str, words: int) -> None:
    """Run processing twice: splits without padding in `folder`/plain, padded to max_length in `folder`/padded."""
    data = folder / "reviews.tsv.gz"
    with gzip.open(options.data, "rt", encoding="utf-8") as source, gzip.open(data, "wt", encoding="utf-8") as target:
        target.writelines(shortened(source, words))
    for name, flags in {"plain": [], "padded": ["--padding", "max_length"]}.items():
        command = [sys.executable, "-m", "processing", "--input", str(data), "--tokenizer", model, *flags]
        command += ["--max-length", str(options.max_length), "--max-rows", str(options.rows), "--label-threshold", "4"]
        command += ["--train-ratio", "0.8", "--validation-ratio", "0.2", "--test-ratio", "0"]
        environ = environment(Paths(folder / name))
        subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)


def devices(options: argparse.Namespace) -> dict[str, str]:
    """Environment variables that give both programs the same device and cores."""
    cores = str(len(os.sched_getaffinity(0)))
    return {"OMP_NUM_THREADS": cores, "CUDA_VISIBLE_DEVICES": "0" if options.gpu else ""}


def by_image(folder: Path, options: argparse.Namespace, model: str) -> Result:
    """Train by the image's entry point, with its defaults except batch size and learning rate."""
    inputs = folder / "inputs" / "data"
    inputs.mkdir(parents=True)
    for split in ("train", "validation"):
        (inputs / split).symlink_to(folder / "plain" / "processing" / split)
    (inputs / "model").symlink_to(Path(model).resolve())
    hyperparameters = {"epochs": 1, "train_batch_size": options.batch, "logging_steps": 1}
    hyperparameters["learning_rate"] = options.learning_rate
    paths = create(folder / "image", inputs.parent, hyperparameters)
    command = (sys.executable, "-m", "training", "train")
    program = Program("training image", command, environ=environment(paths) | devices(options))
    measured = run(program, folder / "image.log")
    content = read_json(paths.output_data / "metrics.json", "metrics")
    losses = [entry["loss"] for entry in content["history"] if "loss" in entry]
    metrics = content["metrics"]
    rates = {name: metrics[f"train_{name}"] for name in ("samples_per_second", "tokens_per_second")}
    evaluation = {name: metrics[name] for name in ("eval_loss", "eval_accuracy")}
    loss = {"padding": metrics["train_padding_share"], "train_loss": sum(losses) / len(losses)}
    return Result(measured, {**rates, **loss, **evaluation})


def by_tutorial(folder: Path, options: argparse.Namespace, model: str) -> Result:
    """Train by benchmarks/peers/tutorial_training.py."""
    padded = folder / "padded" / "processing"
    command = [sys.executable, "-m", "benchmarks.peers.tutorial_training", "--model", model]
    command += ["--train", str(padded / "train"), "--test", str(padded / "validation")]
    command += ["--output", str(folder / "tutorial"), "--batch", str(options.batch)]
    command += ["--learning-rate", str(options.learning_rate)]
    environ = environment(Paths(folder / "tutorial")) | devices(options)
    measured = run(Program("tutorial", command, environ=environ), folder / "tutorial.log")
    return Result(measured, json.loads((folder / "tutorial.log").read_text().splitlines()[-1]))


def with_peak_share(result: Result, model: str) -> Result:
    """`result` with the model FLOPs utilization in bf16, if the peak of the GPU is known."""
    # Imported late: it takes seconds, and is needed only with a GPU.
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    from training.throughput import Cost

    with torch.device("meta"):
        cost = Cost.of(AutoModelForSequenceClassification.from_config(AutoConfig.from_pretrained(model)))
    rows, tokens = result.metrics["samples_per_second"], result.metrics["tokens_per_second"]
    # Assumes rows of equal length, which is the least cost of attention.
    share = cost.share(tokens, tokens * tokens / rows, 1.0, torch.cuda.get_device_name())
    return result if share is None else replace(result, metrics={**result.metrics, "peak_share": share})


def table(results: Mapping[str, Result]) -> str:
    """A Markdown table with one row per program; speed-up is relative to the last one's samples/s."""
    slowest = list(results.values())[-1].metrics["samples_per_second"]
    with_peak = any("peak_share" in result.metrics for result in results.values())
    heads = [*HEADS, *([PEAK_HEAD] if with_peak else [])]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for name, result in results.items():
        metrics = result.metrics
        rate = metrics["samples_per_second"]
        cells = [name, f"{rate:.2f}", f"{rate / slowest:.1f}", f"{metrics['tokens_per_second']:,.0f}"]
        cells += [f"{metrics['padding']:.1%}", f"{metrics['train_loss']:.3f}", f"{metrics['eval_loss']:.3f}"]
        cells += [f"{result.run.peak / 1e6:,.0f} MB", f"{result.run.seconds:.0f}"]
        cells += [f"{metrics['peak_share']:.1%}" if "peak_share" in metrics else ""] if with_peak else []
        lines.append("| " + " | ".join(cells).rstrip() + " |")
    return "\n".join(lines)


def measured(options: argparse.Namespace, model: str, words: int) -> dict[str, Result]:
    """Results of both programs for one model and length of rows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, options, model, words)
        results = {"training image": by_image(folder, options, model), "tutorial": by_tutorial(folder, options, model)}
        if options.gpu:
            results = {name: with_peak_share(result, model) for name, result in results.items()}
        for program, result in results.items():
            print(f"{program}: {result.run.seconds:.0f} s, {dict(result.metrics)}", flush=True)
        return results


def main() -> None:
    """Run the benchmark; writes the table and the plot."""
    options = parse()
    options.output.mkdir(parents=True, exist_ok=True)
    lines = [f"{machine()}; {datetime.now(UTC):%Y-%m-%d}; {options.rows} rows, batches of {options.batch}"]
    runs = {}
    for model in options.model:
        for words in options.words:
            title = f"{Path(model).name}, {f'about {words} words' if words else 'whole reviews'}"
            results = measured(options, model, words)
            lines += [f"\n{title}, at most {options.max_length} tokens:\n", table(results)]
            runs[title] = {name: result.run for name, result in results.items()}
    text = "\n".join(lines) + "\n"
    print(f"\n{text}")
    write_text(options.output / "training.md", text)
    write_text(options.output / "training.svg", bars("Fine-tuning on the same rows, whole processes", runs))


if __name__ == "__main__":
    main()
