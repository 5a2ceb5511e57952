"""The training image's program against the tutorial's train.py: same model, rows, device, batch and learning rate.

    python -m benchmarks.training --data reviews.tsv.gz --model FOLDER [FOLDER ...] --output FOLDER \\
        [--rows 160] [--words 0 18] [--batch 8] [--gpu]

Whole processes, one after the other. Reviews as they are (--words 0) and cut to so many words on
average; at most --max-length tokens, to which the tutorial pads. Writes training.md (a table) and
training.svg. With --gpu both use it (without, neither does), and the share of its bf16 peak is shown.
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
from benchmarks.measure import Run, Way, machine, run
from benchmarks.plot import bars
from contract.files import read_json, write_text
from contract.paths import Paths

TEXT_COLUMN = "review_body"
HEADS = ("way", "samples/s", "times", "tokens/s", "padding", "loss in training", "loss after", "peak memory", "seconds")
PEAK_HEAD = "of bf16 peak"


@dataclass(frozen=True)
class Result:
    """A way's process, and what it said of itself."""

    run: Run
    said: Mapping[str, float]


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training")
    parser.add_argument("--data", type=Path, required=True, help="tab-separated and gzipped, with star_rating")
    parser.add_argument("--model", nargs="+", required=True, help="folders with weights, config.json, tokenizer.json")
    parser.add_argument("--output", type=Path, required=True, help="folder for the table and the plot")
    parser.add_argument("--rows", type=int, default=200, help="read; four fifths of them are trained on")
    parser.add_argument("--words", type=int, nargs="+", default=[0, 18], help="mean length of the rows; 0: as they are")
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--gpu", action="store_true", help="train on the first GPU")
    return parser.parse_args(arguments)


def shortened(lines: Iterator[str], words: int) -> Iterator[str]:
    """The lines of a table, each text cut to its first words: half of `words` to one and a half times as many."""
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


def prepare(folder: Path, given: argparse.Namespace, model: str, words: int) -> None:
    """The rows in `folder`/plain and, padded at rest, in `folder`/padded, both by processing."""
    data = folder / "reviews.tsv.gz"
    with gzip.open(given.data, "rt", encoding="utf-8") as source, gzip.open(data, "wt", encoding="utf-8") as target:
        target.writelines(shortened(source, words))
    for name, flags in {"plain": [], "padded": ["--padding", "max_length"]}.items():
        command = [sys.executable, "-m", "processing", "--input", str(data), "--tokenizer", model, *flags]
        command += ["--max-length", str(given.max_length), "--max-rows", str(given.rows), "--label-threshold", "4"]
        command += ["--train-ratio", "0.8", "--validation-ratio", "0.2", "--test-ratio", "0"]
        environ = environment(Paths(folder / name))
        subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)


def devices(given: argparse.Namespace) -> dict[str, str]:
    """The variables that give both ways the same device and cores."""
    cores = str(len(os.sched_getaffinity(0)))
    return {"OMP_NUM_THREADS": cores, "CUDA_VISIBLE_DEVICES": "0" if given.gpu else ""}


def ours(folder: Path, given: argparse.Namespace, model: str) -> Result:
    """The image's entry point, its defaults but for batch and learning rate."""
    inputs = folder / "inputs" / "data"
    inputs.mkdir(parents=True)
    for split in ("train", "validation"):
        (inputs / split).symlink_to(folder / "plain" / "processing" / split)
    (inputs / "model").symlink_to(Path(model).resolve())
    asked = {"epochs": 1, "train_batch_size": given.batch, "learning_rate": given.learning_rate, "logging_steps": 1}
    paths = create(folder / "ours", inputs.parent, asked)
    way = Way(
        "training image", (sys.executable, "-m", "training", "train"), environ=environment(paths) | devices(given)
    )
    measured = run(way, folder / "ours.log")
    said = read_json(paths.output_data / "metrics.json", "metrics")
    losses = [entry["loss"] for entry in said["history"] if "loss" in entry]
    metrics = said["metrics"]
    named = {name: metrics[f"train_{name}"] for name in ("samples_per_second", "tokens_per_second")}
    judged = {name: metrics[name] for name in ("eval_loss", "eval_accuracy")}
    loss = {"padding": metrics["train_padding_share"], "train_loss": sum(losses) / len(losses)}
    return Result(measured, {**named, **loss, **judged})


def tutorial(folder: Path, given: argparse.Namespace, model: str) -> Result:
    padded = folder / "padded" / "processing"
    command = [sys.executable, "-m", "benchmarks.peers.tutorial_training", "--model", model]
    command += ["--train", str(padded / "train"), "--test", str(padded / "validation")]
    command += ["--output", str(folder / "tutorial"), "--batch", str(given.batch)]
    command += ["--learning-rate", str(given.learning_rate)]
    environ = environment(Paths(folder / "tutorial")) | devices(given)
    measured = run(Way("tutorial", command, environ=environ), folder / "tutorial.log")
    return Result(measured, json.loads((folder / "tutorial.log").read_text().splitlines()[-1]))


def with_peak_share(result: Result, model: str) -> Result:
    """`result` with the share of the GPU's bf16 peak, where that is known."""
    # Imported late: it takes seconds, and only a GPU needs it.
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    from training.throughput import Cost

    with torch.device("meta"):
        cost = Cost.of(AutoModelForSequenceClassification.from_config(AutoConfig.from_pretrained(model)))
    rows, tokens = result.said["samples_per_second"], result.said["tokens_per_second"]
    # As if all rows were of the same length, which is the least that their attention can cost.
    share = cost.share(tokens, tokens * tokens / rows, 1.0, torch.cuda.get_device_name())
    return result if share is None else replace(result, said={**result.said, "peak_share": share})


def table(results: Mapping[str, Result]) -> str:
    """One line a way, `times` over the last one's samples/s."""
    slowest = list(results.values())[-1].said["samples_per_second"]
    with_peak = any("peak_share" in result.said for result in results.values())
    heads = [*HEADS, *([PEAK_HEAD] if with_peak else [])]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for name, result in results.items():
        said = result.said
        rate = said["samples_per_second"]
        cells = [name, f"{rate:.2f}", f"{rate / slowest:.1f}", f"{said['tokens_per_second']:,.0f}"]
        cells += [f"{said['padding']:.1%}", f"{said['train_loss']:.3f}", f"{said['eval_loss']:.3f}"]
        cells += [f"{result.run.peak / 1e6:,.0f} MB", f"{result.run.seconds:.0f}"]
        cells += [f"{said['peak_share']:.1%}" if "peak_share" in said else ""] if with_peak else []
        lines.append("| " + " | ".join(cells).rstrip() + " |")
    return "\n".join(lines)


def measured(given: argparse.Namespace, model: str, words: int) -> dict[str, Result]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, given, model, words)
        results = {"training image": ours(folder, given, model), "tutorial": tutorial(folder, given, model)}
        if given.gpu:
            results = {way: with_peak_share(result, model) for way, result in results.items()}
        for way, result in results.items():
            print(f"{way}: {result.run.seconds:.0f} s, {dict(result.said)}", flush=True)
        return results


def main() -> None:
    given = parse()
    given.output.mkdir(parents=True, exist_ok=True)
    lines = [f"{machine()}; {datetime.now(UTC):%Y-%m-%d}; {given.rows} rows, batches of {given.batch}"]
    pictured = {}
    for model in given.model:
        for words in given.words:
            title = f"{Path(model).name}, {f'about {words} words' if words else 'whole reviews'}"
            results = measured(given, model, words)
            lines += [f"\n{title}, at most {given.max_length} tokens:\n", table(results)]
            pictured[title] = {name: result.run for name, result in results.items()}
    text = "\n".join(lines) + "\n"
    print(f"\n{text}")
    write_text(given.output / "training.md", text)
    write_text(given.output / "training.svg", bars("Fine-tuning on the same rows, whole processes", pictured))


if __name__ == "__main__":
    main()
