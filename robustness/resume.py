"""Kills trainings at random moments, resumes them, and compares the results bit by bit with an uninterrupted one.

    python -m robustness.resume [--model FOLDER] [--kills 100] [--processes 1] [--bf16] [--seed 0]

SIGKILL is sent to the launcher and all ranks at once, while they start, train, evaluate or save. Each
training is restarted until it finishes; trainings are repeated until all kills are done. Exits with 1 if
one of them has other weights, metrics or history. The model is MiniLM-L6 from its Python package
(benchmarks/models.py), or with `--model scratch` a small untrained BERT.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import jobs, models
from contract.files import STAGING
from contract.paths import Paths

ROWS_PER_STEP = 8
EARLY = 0.15  # share of the kills that may come before the first step
EARLY_WAIT = 7.0  # most seconds from the start to an early kill: about the end of the first step
HYPERPARAMETERS = {"logging_steps": 1, "save_strategy": "steps", "save_steps": 2}
STEP = re.compile(r"step = |saved checkpoint")
RESUMED = "resuming from checkpoint-"


@dataclass(frozen=True)
class Plan:
    """Settings of the trainings, such that about half of the kills hit a start or a save.

    Attributes:
        rows: rows of all splits; four fifths are trained on.
        epochs: number of epochs, with an evaluation after each.
        learning_rate: learning rate of AdamW.
        wait: most seconds from the first step to the kill.
    """

    rows: int
    epochs: int
    learning_rate: float
    wait: float


# A checkpoint of MiniLM-L6 has 270 MB; a step takes 0.2 s and a save 0.4 to 1 s.
PRETRAINED = Plan(rows=80, epochs=2, learning_rate=1e-4, wait=2.5)
# A step takes 10 ms and a save 50 ms.
SMALL = Plan(rows=480, epochs=6, learning_rate=1e-3, wait=1.5)


@dataclass
class Tally:
    """Counts of kills and of the starts after them.

    Attributes:
        kills: all kills.
        early: kills before the first step of their start.
        saving: kills while a checkpoint was being written.
        resumable: starts that found a checkpoint and reached a step.
        resumed: those of them that resumed from the checkpoint, by their log.
        trainings: trainings that finished.
        differing: descriptions of trainings whose results differ from those of the uninterrupted one.
    """

    kills: int = 0
    early: int = 0
    saving: int = 0
    resumable: int = 0
    resumed: int = 0
    trainings: int = 0
    differing: list[str] = field(default_factory=list)

    def note_kill(self, early: bool, saving: bool) -> None:
        """Count a kill."""
        self.kills, self.early, self.saving = self.kills + 1, self.early + early, self.saving + saving
        if self.kills % 10 == 0:
            print(f"{self.kills} kills so far", flush=True)

    def note_start(self, had_checkpoint: bool, log: str) -> None:
        """Count a start by its log; one that was killed before its first step is not counted."""
        if had_checkpoint and STEP.search(log):
            self.resumable, self.resumed = self.resumable + 1, self.resumed + (RESUMED in log)

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.early} of them before the first step and {self.saving} during a save; "
            f"{self.resumed} of {self.resumable} starts that found a checkpoint resumed from it; "
            f"{self.trainings} trainings, {self.trainings - len(self.differing)} with identical weights, metrics and "
            "history"
        )


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m robustness.resume")
    models.add_option(parser)
    parser.add_argument("--kills", type=int, default=100, help="number of kills")
    parser.add_argument("--processes", type=int, default=1, help="ranks of each training")
    parser.add_argument("--bf16", action="store_true", help="train in bf16 instead of fp32")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments of the kills")
    return parser.parse_args(arguments)


def main() -> int:
    """Run the trainings and print the counts; returns the exit status."""
    options = parse()
    model = models.locate_unless_scratch(options.model)
    plan = PRETRAINED if model else SMALL
    hyperparameters = {"processes_per_host": options.processes, "bf16": options.bf16}
    with tempfile.TemporaryDirectory(prefix="resume-") as name:
        inputs = jobs.prepare(Path(name) / "prepared", plan.rows, model)
        tally = run(Path(name), inputs, plan, options.kills, hyperparameters, random.Random(options.seed))
    print(f"{options.processes} processes, {'bf16' if options.bf16 else 'fp32'}: {tally}", flush=True)
    return 1 if tally.differing else 0


def run(
    folder: Path, inputs: Path, plan: Plan, kills: int, hyperparameters: Mapping[str, object], moments: random.Random
) -> Tally:
    """Train once without interruption, then repeatedly until `kills` kills are done; compare the results.

    Args:
        folder: existing folder, below which the trainings' folders are created.
        inputs: the result of jobs.prepare.
        plan: settings of the trainings.
        kills: number of kills.
        hyperparameters: further hyperparameters, among them processes_per_host.
        moments: random numbers for the moments of the kills.
    """
    values = {**HYPERPARAMETERS, "epochs": plan.epochs, "learning_rate": plan.learning_rate, **hyperparameters}
    values["train_batch_size"] = ROWS_PER_STEP // int(str(hyperparameters["processes_per_host"]))
    uninterrupted = jobs.create(folder / "uninterrupted", inputs, values)
    train(uninterrupted, 0, Tally(), plan.wait, moments)
    expected, tally = jobs.outcome(uninterrupted), Tally()
    shutil.rmtree(uninterrupted.base)
    while tally.kills < kills:
        paths = jobs.create(folder / f"killed-{tally.trainings}", inputs, values)
        train(paths, kills, tally, plan.wait, moments)
        tally.trainings += 1
        differing = jobs.difference(expected, jobs.outcome(paths))
        tally.differing += [f"training {tally.trainings}: {', '.join(differing)}"] if differing else []
        print(f"{tally}{': ' + tally.differing[-1] if differing else ''}", flush=True)
        shutil.rmtree(paths.base)
    return tally


def train(paths: Paths, kills: int, tally: Tally, wait: float, moments: random.Random) -> None:
    """Start the job repeatedly until it finishes, and kill it while there were fewer than `kills` kills in all."""
    while True:
        had_checkpoint = any(paths.checkpoints.glob("checkpoint-*"))
        process, log = jobs.start(paths), ""
        if tally.kills < kills:
            log, early = await_moment(process, wait, moments)
            if process.poll() is None:
                log += jobs.kill(process)
                tally.note_kill(early, saving=any((paths.checkpoints / STAGING).glob("*")))
                tally.note_start(had_checkpoint, log)
                continue
        log += process.communicate()[0]
        tally.note_start(had_checkpoint, log)
        if process.returncode:
            sys.exit(f"the training failed with {process.returncode}:\n{log[-3000:]}")
        return


def await_moment(process: subprocess.Popen[str], wait: float, moments: random.Random) -> tuple[str, bool]:
    """Wait for the first step, or with the probability EARLY not, then for a random time.

    Returns:
        The log that was read, and whether it did not wait for the first step.
    """
    if moments.random() < EARLY:
        time.sleep(moments.uniform(0, EARLY_WAIT))
        return "", True
    assert process.stdout is not None  # noqa: S101 (for the type checker)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if STEP.search(line):
            break
    time.sleep(moments.uniform(0, wait))
    return "".join(lines), False


if __name__ == "__main__":
    sys.exit(main())
