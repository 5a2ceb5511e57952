"""Fuzzes hyperparameters: each training job must succeed, or end with one sentence that has no text of the data.

    python -m robustness.fuzz_hyperparameters --output FOLDER [--names learning_rate seed] [--values 20] [--seed 0]
        [--starts 500]

There is one job per hyperparameter and value. Each is parsed and checked in this process, as it is before a training
reads any data; of those that pass a random sample is started: a BERT of two layers, 48 rows of text, two steps, by the
function that the toolkit calls, in a process that is forked from one that has imported all libraries. Writes one line
per job to fuzz.jsonl, from which an interrupted fuzz continues; prints the counts, and each job with a traceback or a
timeout.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from contract.paths import Paths
from contract.small_bert import write_model

# Values that a person or a program may set: of the right type, extreme, empty, JSON, and of another type.
VALUES: tuple[Any, ...] = (
    *("0", "1", "2", "-1", "0.5", "1e-3", "1e30", "nan", "inf", "99999999999999999999"),
    *("True", "false", "none", "", " ", "no", "steps", "epoch", "text", '"quoted"'),
    *("[]", "[1, 2]", "{}", '{"a": 1}', "a,b", "../x", "\u00e9\u4e2d", "x" * 3000),
)
# A word in every text of the data, which must be in no log and no error.
MARK = "zanzibar"
SECONDS = 120
FINE = {"trained", "training", "refused", "accepted"}
BASE = {"max_steps": 2, "train_batch_size": 8, "bf16": False, "report_to": "none", "max_length": 16}


@dataclass(frozen=True)
class Ended:
    """The result of a job.

    Attributes:
        name: name of the hyperparameter.
        value: its value.
        outcome: trained, training (it had taken steps when its time was over), refused, accepted (not started),
            traceback, leaked (text of the data in the log), or late (timeout before the first step).
        reason: failure reason; empty if it trained.
        seconds: duration.
    """

    name: str
    value: str
    outcome: str
    reason: str
    seconds: float


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m robustness.fuzz_hyperparameters")
    parser.add_argument("--output", type=Path, required=True, help="folder for fuzz.jsonl")
    parser.add_argument("--names", nargs="*", default=[], help="names of hyperparameters; default: all")
    parser.add_argument("--values", type=int, default=20, help="number of values per hyperparameter, a random sample")
    parser.add_argument("--seed", type=int, default=0, help="seed of the samples")
    parser.add_argument("--starts", type=int, default=None, help="most jobs to start; default: all that are accepted")
    return parser.parse_args(arguments)


def cases(names: list[str], values: int, seed: int) -> Iterator[tuple[str, str]]:
    """Each hyperparameter with a sample of `values` VALUES, which depends on the seed."""
    # Imported late: it takes seconds, and --help does not need it.
    from training.hyperparameters import argument_kinds, known_names

    known = known_names(argument_kinds())
    for name in names or sorted(set(known.values())):
        for value in random.Random(f"{seed} {name}").sample(VALUES, min(values, len(VALUES))):
            yield name, value


def checked(name: str, value: str) -> Ended:
    """Parse and check the hyperparameters of a job in this process."""
    # Imported late: it takes seconds, and --help does not need it.
    from contract.failures import UserError
    from training import arguments, hyperparameter_checks, hyperparameters

    started = time.monotonic()
    outcome, reason = "accepted", ""
    try:
        parsed = hyperparameters.parse({key: str(item) for key, item in (BASE | {name: value}).items()})
        hyperparameter_checks.check(parsed)
        arguments.build(parsed.arguments, Path(tempfile.gettempdir()), evaluates=True, world_size=1)
    except UserError as error:
        outcome, reason = "refused", str(error)
    except Exception as error:
        outcome, reason = "traceback", f"{type(error).__name__}: {error}"
    return Ended(name, value, outcome, reason, time.monotonic() - started)


def make_inputs(folder: Path) -> None:
    """Write the channels train, validation, test and model, which all jobs share."""
    texts = [f"{MARK} {'good' if i % 2 else 'bad'} word{i % 7}" for i in range(48)]
    write_model(folder / "model", texts, 32)
    for channel, part in (("train", texts[:32]), ("validation", texts[32:40]), ("test", texts[40:])):
        (folder / channel).mkdir()
        rows = [{"text": text, "label": text.split()[1]} for text in part]
        (folder / channel / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def train(base: Path, log: Path) -> None:
    """Run the job in the folder `base` as the toolkit does, in the forked process; its output goes to `log`."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.environ |= {"SAGEMAKER_BASE_DIR": str(base), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    import torch
    from sagemaker_training.errors import ClientError

    from training import launch

    torch.set_num_threads(1)
    try:
        launch.main()
    except ClientError as error:
        (base / "reason").write_text(str(error))
        sys.exit(1)
    except BaseException:
        traceback.print_exc()
        sys.exit(2)


def run(name: str, value: str, inputs: Path, folder: Path) -> Ended:
    """Run one job in a new folder below `folder`."""
    base, log = folder / "job", folder / "log.txt"
    shutil.rmtree(base, ignore_errors=True)
    paths = Paths(base)
    paths.hyperparameters.parent.mkdir(parents=True)
    paths.hyperparameters.write_text(json.dumps({key: str(item) for key, item in (BASE | {name: value}).items()}))
    (base / "input" / "data").symlink_to(inputs)
    started = time.monotonic()
    process = multiprocessing.get_context("forkserver").Process(target=train, args=(base, log))
    process.start()
    process.join(SECONDS)
    late = process.is_alive()
    if late:
        process.kill()
        process.join()
    text = log.read_text(errors="replace") if log.exists() else ""
    reason = (base / "reason").read_text() if (base / "reason").exists() else ""
    return Ended(name, value, outcome(process.exitcode, late, text, reason), reason, time.monotonic() - started)


def outcome(status: int | None, late: bool, log: str, reason: str) -> str:
    """The outcome of a job, from its exit status, log and failure reason."""
    if late:
        return "training" if "step = " in log else "late"
    if MARK in (log + reason).lower():
        return "leaked"
    # As contract.failures logs what is no error of the caller.
    if "Traceback" in log or ": unexpected " in log or status not in (0, 1):
        return "traceback"
    return "refused" if status else "trained"


def main() -> None:
    """Run all jobs and print the counts."""
    options = parse()
    options.output.mkdir(parents=True, exist_ok=True)
    file = options.output / "fuzz.jsonl"
    done = [Ended(**json.loads(line)) for line in file.read_text().splitlines()] if file.exists() else []
    known = {(job.name, job.value) for job in done}
    todo = [case for case in cases(options.names, options.values, options.seed) if case not in known]
    results = [checked(*case) for case in todo]
    accepted = [job for job in results if job.outcome == "accepted"]
    count = len(accepted) if options.starts is None else min(options.starts, len(accepted))
    chosen = {(job.name, job.value) for job in random.Random(options.seed).sample(accepted, count)}
    with file.open("a") as stream:
        for ended in started(results, chosen):
            done.append(ended)
            stream.write(json.dumps(asdict(ended)) + "\n")
            stream.flush()
    report(done)


def started(results: Iterable[Ended], chosen: Collection[tuple[str, str]]) -> Iterator[Ended]:
    """`results`, with what a start gives for those that are `chosen`."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["training.worker", "training.launch", "training.results.verification"])
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        inputs = Path(name) / "data"
        inputs.mkdir()
        make_inputs(inputs)
        for job in results:
            yield run(job.name, job.value, inputs, Path(name)) if (job.name, job.value) in chosen else job


def report(done: list[Ended]) -> None:
    """Print the counts and the jobs that failed; exits with 1 if there are any."""
    counts = Counter(job.outcome for job in done)
    slowest = max((job.seconds for job in done if job.outcome == "refused"), default=0.0)
    print(f"{len(done):,} jobs: {dict(counts)}; the slowest refusal took {slowest:.1f} s")
    for job in done:
        if job.outcome not in FINE:
            print(f"{job.outcome}: {job.name} = {job.value[:60]!r}: {job.reason[:200]}")
    if counts.keys() - FINE:
        sys.exit(1)


if __name__ == "__main__":
    main()
