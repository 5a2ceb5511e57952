"""Trainings that are killed at random moments, against one that never was: the same bits in the end, or failure.

    python -m benchmarks.resume [--kills 100] [--processes 1] [--seed 0]

SIGKILL hits the launcher and all ranks at once: while they start, train, evaluate or save. Each
training is started again until it ends by itself; trainings follow each other until the kills
are done. Exits with 1 if any ends with other weights, metrics or history.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import jobs
from contract.files import STAGING
from contract.paths import Paths

ROWS = 480
# Of the kills, those that may come before the first step; and the longest wait after it, in seconds.
EARLY, WAIT = 0.15, 1.5
# Saving takes about as long as the steps between: every other kill hits one.
HYPERPARAMETERS = {"epochs": 6, "learning_rate": "1e-3", "logging_steps": 3, "save_strategy": "steps", "save_steps": 2}
ROWS_PER_STEP = 8


@dataclass
class Tally:
    """What the kills hit."""

    kills: int = 0
    early: int = 0
    saving: int = 0
    trainings: int = 0
    differing: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.early} of them before the first step and {self.saving} in the midst of a save; "
            f"{self.trainings} trainings, {self.trainings - len(self.differing)} with identical weights, metrics and "
            "history"
        )


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.resume")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--processes", type=int, default=1, help="ranks of each training")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    return parser.parse_args(arguments)


def main() -> int:
    given = parse()
    with tempfile.TemporaryDirectory(prefix="resume-") as name:
        inputs = jobs.prepare(Path(name) / "prepared", ROWS)
        tally = run(Path(name), inputs, given.kills, given.processes, random.Random(given.seed))
    print(f"{given.processes} processes: {tally}", flush=True)
    return 1 if tally.differing else 0


def run(folder: Path, inputs: Path, kills: int, processes: int, moments: random.Random) -> Tally:
    """Train once undisturbed, then under `kills` kills, in folders below `folder`."""
    hyperparameters = HYPERPARAMETERS | {
        "processes_per_host": processes,
        "train_batch_size": ROWS_PER_STEP // processes,
    }
    quiet = jobs.create(folder / "undisturbed", inputs, hyperparameters)
    train(quiet, 0, Tally(), moments)
    expected, tally = jobs.outcome(quiet), Tally()
    while tally.kills < kills:
        paths = jobs.create(folder / f"killed-{tally.trainings}", inputs, hyperparameters)
        train(paths, kills, tally, moments)
        tally.trainings += 1
        differing = jobs.difference(expected, jobs.outcome(paths))
        tally.differing += [f"training {tally.trainings}: {', '.join(differing)}"] if differing else []
        print(f"{tally}{': ' + tally.differing[-1] if differing else ''}", flush=True)
        shutil.rmtree(paths.base)
    return tally


def train(paths: Paths, kills: int, tally: Tally, moments: random.Random) -> None:
    """Start the job until it ends by itself, killing it until there were `kills` in all."""
    while True:
        process = jobs.start(paths)
        if tally.kills < kills:
            early = not await_moment(process, moments)
            if process.poll() is None:
                jobs.kill(process)
                tally.kills, tally.early = tally.kills + 1, tally.early + early
                tally.saving += any((paths.checkpoints / STAGING).glob("*"))
                if tally.kills % 10 == 0:
                    print(f"{tally.kills} kills so far", flush=True)
                continue
        log = process.communicate()[0]
        if process.returncode:
            sys.exit(f"the training failed with {process.returncode}:\n{log[-3000:]}")
        return


def await_moment(process: subprocess.Popen[str], moments: random.Random) -> bool:
    """Wait for the first step, or not; then for a random time. Returns whether it waited for the step."""
    if moments.random() < EARLY:
        time.sleep(moments.uniform(0, 4 * WAIT))
        return False
    assert process.stdout is not None  # noqa: S101 (for the type checker: a pipe was asked for)
    for line in process.stdout:
        if "step = " in line or "saved checkpoint" in line:
            break
    time.sleep(moments.uniform(0, WAIT))
    return True


if __name__ == "__main__":
    sys.exit(main())
