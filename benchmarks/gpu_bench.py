"""Measures training and serving on a GPU in five minutes (make gpu-bench); with --small the same in little on a CPU.

    python -m benchmarks.gpu_bench [--model FOLDER --data reviews.tsv.gz | --small] [--output FOLDER] \\
        [--part training serving] [--seconds 280]

BERT-base with random weights and MiniLM-L6, rows of at most 512 and 64 tokens, the most important ones first. Each
figure is written as it comes to bench.jsonl in the output folder; at the end the tables of all figures to bench.md and
plots to bench.svg. Runs of several parts into one folder add up. Exits with 1 if something was not measured.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import gpu_inputs, gpu_report
from benchmarks.gpu_inputs import Inputs
from benchmarks.gpu_serving import CLIENTS, ServingBench
from benchmarks.gpu_training import TrainingBench
from contract.failures import UserError, first_line

BERT_BASE, MINILM = "BERT-base", "MiniLM-L6"
# In this order, until the time is up: part, model, most tokens, and of a training the steps of the image.
PLAN = (
    ("training", BERT_BASE, 512, 150),
    ("serving", MINILM, 512, 0),
    ("training", MINILM, 64, 400),
    ("serving", BERT_BASE, 512, 0),
    ("training", BERT_BASE, 64, 300),
    ("serving", MINILM, 64, 0),
    ("training", MINILM, 512, 300),
    ("serving", BERT_BASE, 64, 0),
)
ROWS_OF_A_STEP = 32
TEXTS = 512
Figures = dict[str, Any]


@dataclass(frozen=True)
class Recorder:
    """Writes figures as they come.

    Attributes:
        file: JSON Lines.
        deadline: by time.monotonic(); what has not begun by then is not measured.
    """

    file: Path
    deadline: float

    def record(self, common: Figures, measure: Callable[[], Iterator[Figures]]) -> None:
        """Write each figure of `measure`, or why there is none, together with what they have in `common`."""
        if time.monotonic() > self.deadline:
            self.write({**common, "error": "not measured: the time was up"})
            return
        try:
            for figures in measure():
                self.write({**common, **figures})
        except (Exception, SystemExit) as error:  # The other measurements are still of use.
            self.write({**common, "error": first_line(error)})

    def write(self, figures: Figures) -> None:
        """Append one line."""
        line = json.dumps(figures)
        print(line, flush=True)
        with self.file.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_bench")
    gpu_inputs.add_options(parser)
    parser.add_argument("--part", nargs="+", choices=("training", "serving"), default=["training", "serving"])
    parser.add_argument("--seconds", type=float, default=280, help="no measurement begins later than this")
    return parser.parse_args(arguments)


def write_models(inputs: Inputs, folder: Path) -> dict[str, Path]:
    """Both models with weights and a classification head, which servers and the tutorial's script need."""
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    torch.manual_seed(0)
    base = gpu_inputs.write_bert_base(folder / "bert", inputs)
    AutoModelForSequenceClassification.from_config(AutoConfig.from_pretrained(base)).save_pretrained(base)
    if inputs.small:
        return {BERT_BASE: base, MINILM: base}
    small = folder / "minilm"
    shutil.copytree(inputs.model, small)
    AutoModelForSequenceClassification.from_pretrained(inputs.model, dtype=torch.float32).save_pretrained(small)
    return {BERT_BASE: base, MINILM: small}


def training(bench: TrainingBench, common: Figures, recorder: Recorder) -> None:
    """Measure all programs on one model and length."""
    for program, run in {"image": bench.image, "tutorial": bench.tutorial}.items():
        recorder.record({**common, "program": program}, lambda run=run: iter([run()]))  # type: ignore[misc]
    recorder.record({**common, "program": "single steps"}, bench.steps_alone)


def run(inputs: Inputs, folder: Path, parts: Sequence[str], recorder: Recorder) -> None:
    """Measure what PLAN has of `parts`; with --small the first of each, in little."""
    models, plan = write_models(inputs, folder), [each for each in PLAN if each[0] in parts]
    if inputs.small:
        first = {part: (part, model, gpu_inputs.SMALL_LENGTH, 4) for part, model, *_ in reversed(plan)}
        plan = [first[part] for part in parts]
    for number, (part, model, tokens, steps) in enumerate(plan):
        common, place = {"part": part, "model": model, "limit": tokens}, folder / str(number)
        if part == "training":
            compiles = number == 0
            bench = TrainingBench(place, inputs, models[model], tokens, ROWS_OF_A_STEP, steps, compiles)
            training(bench, common, recorder)
            continue
        # A token is three quarters of a word.
        texts = [" ".join(row.text.split()[: tokens * 3 // 4]) for row in inputs.rows[:TEXTS]]
        seconds, clients = (0.5, (1, 8)) if inputs.small else (3.0, CLIENTS)
        recorder.record(common, ServingBench(place, models[model], texts, tokens, seconds, clients).measure)


def main(arguments: list[str] | None = None) -> int:
    """Measure and write the report; returns the exit status."""
    options = parse(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    file = options.output / "bench.jsonl"
    before = len(gpu_report.read(file))
    recorder = Recorder(file, time.monotonic() + options.seconds)
    # A short prefix, since paths of Unix sockets are limited in length.
    with tempfile.TemporaryDirectory(prefix="g") as name:
        try:
            inputs = gpu_inputs.prepare(options, Path(name))
        except UserError as error:
            sys.exit(str(error))
        run(inputs, Path(name), options.part, recorder)
    gpu_report.write(options.output)
    return 1 if any("error" in figures for figures in gpu_report.read(file)[before:]) else 0


if __name__ == "__main__":
    sys.exit(main())
