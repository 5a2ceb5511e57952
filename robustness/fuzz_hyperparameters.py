"""Fuzzes hyperparameters: each training job must succeed, or end with one sentence that has no text of the data.

    python -m robustness.fuzz_hyperparameters --output FOLDER [--names learning_rate seed] [--values 20] [--seed 0]
        [--starts 500] [--processes 2] [--together 8]

There is one job per hyperparameter and value. Each is parsed and checked in this process, as it is before a training
reads any data; of those that pass a random sample is started: a BERT of two layers, 48 rows of text, two steps, by the
function that the toolkit calls, in a process that is forked from one that has imported all libraries. No value may be
ignored, and no process may be left behind. With --together one training has the values of several jobs, each of another
hyperparameter; where it does not succeed, its halves are tried, down to single jobs. Writes one line per job to
fuzz.jsonl, from which an interrupted fuzz continues; prints the counts, and each job that failed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path

import psutil

from contract.paths import Paths
from contract.processes import is_alive
from contract.small_bert import write_model
from robustness.hyperparameter_cases import BASE, Ended, cases, checked

# A word in every text of the data, which must be in no log and no error.
MARK = "zanzibar"
SECONDS = 120
# A process that its parent has left ends at once, or within the interval at which a loader looks for its parent.
ORPHAN_SECONDS = 10
FINE = {"trained", "training", "refused", "accepted"}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m robustness.fuzz_hyperparameters")
    parser.add_argument("--output", type=Path, required=True, help="folder for fuzz.jsonl")
    parser.add_argument("--names", nargs="*", default=[], help="names of hyperparameters; default: all")
    parser.add_argument("--values", type=int, default=20, help="number of values per hyperparameter, a random sample")
    parser.add_argument("--seed", type=int, default=0, help="seed of the samples")
    parser.add_argument("--starts", type=int, default=None, help="most jobs to start; default: all that are accepted")
    parser.add_argument("--processes", type=int, default=1, help="jobs that run at the same time")
    parser.add_argument("--together", type=int, default=1, help="most jobs that one training tries at once")
    return parser.parse_args(arguments)


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
    # A group of its own, so that what the job leaves behind is found.
    os.setpgid(0, 0)
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


def run(jobs: Sequence[Ended], inputs: Path) -> Ended:
    """Run one training in a new folder, with the values of all `jobs`; the result has the first one's name."""
    values = BASE | {job.name: job.value for job in jobs}
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        base, log = Path(folder) / "job", Path(folder) / "log.txt"
        paths = Paths(base)
        paths.hyperparameters.parent.mkdir(parents=True)
        paths.hyperparameters.write_text(json.dumps({key: str(item) for key, item in values.items()}))
        (base / "input" / "data").symlink_to(inputs)
        started = time.monotonic()
        process = multiprocessing.get_context("forkserver").Process(target=train, args=(base, log))
        process.start()
        process.join(SECONDS)
        seconds = time.monotonic() - started
        late = process.is_alive()
        if late:
            process.kill()
            process.join()
        text = log.read_text(errors="replace") if log.exists() else ""
        reason = (base / "reason").read_text() if (base / "reason").exists() else ""
        ended = outcome(process.exitcode, late, text, reason)
        if has_left_processes(process.pid or 0):
            ended = "orphans"
    return replace(jobs[0], outcome=ended, reason=reason, seconds=seconds)


def run_apart(jobs: Sequence[Ended], inputs: Path) -> list[Ended]:
    """Run `jobs` in one training, and where that does not succeed in two, until each one that fails has its own."""
    ended = run(jobs, inputs)
    if len(jobs) == 1:
        return [ended]
    if ended.outcome == "trained":
        return [replace(job, outcome="trained", seconds=ended.seconds) for job in jobs]
    half = len(jobs) // 2
    return [*run_apart(jobs[:half], inputs), *run_apart(jobs[half:], inputs)]


def groups(jobs: Sequence[Ended], size: int) -> list[list[Ended]]:
    """At most `size` jobs in each, of different hyperparameters; the first values of all come first."""
    counts: Counter[str] = Counter()
    rounds: dict[int, list[Ended]] = {}
    for job in jobs:
        rounds.setdefault(counts[job.name], []).append(job)
        counts[job.name] += 1
    return [part[i : i + size] for part in rounds.values() for i in range(0, len(part), size)]


def has_left_processes(group: int) -> bool:
    """Whether a process group still has processes after a while; these are killed."""
    deadline = time.monotonic() + ORPHAN_SECONDS
    while left := [pid for pid in psutil.pids() if is_in_group(pid, group)]:
        if time.monotonic() > deadline:
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            return True
        time.sleep(0.1)
    return False


def is_in_group(pid: int, group: int) -> bool:
    """Whether a process of the process group is alive."""
    try:
        return os.getpgid(pid) == group and is_alive(pid)
    except ProcessLookupError:
        return False


def outcome(status: int | None, late: bool, log: str, reason: str) -> str:
    """The outcome of a job, from its exit status, log and failure reason."""
    if MARK in (log + reason).lower():
        return "leaked"
    if late:
        return "training" if "step = " in log else "late"
    # As contract.failures logs what is no error of the caller.
    if "Traceback" in log or ": unexpected " in log or status not in (0, 1):
        return "traceback"
    if status == 0:
        return "trained"
    return "refused" if len(reason.splitlines()) == 1 else "silent"


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
    chosen = random.Random(options.seed).sample(accepted, count)
    with file.open("a") as stream:
        unstarted = [job for job in results if job not in chosen]
        for ended in chain(unstarted, started(groups(chosen, options.together), options.processes)):
            done.append(ended)
            stream.write(json.dumps(asdict(ended)) + "\n")
            stream.flush()
    report(done)


def started(trainings: Sequence[Sequence[Ended]], processes: int) -> Iterator[Ended]:
    """The results of the jobs of each training, so many trainings at the same time."""
    # huggingface_hub reads it when the fork server imports it.
    os.environ["HF_HUB_OFFLINE"] = "1"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["training.worker", "training.launch", "training.results.verification"])
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name, ThreadPoolExecutor(processes) as pool:
        make_inputs(Path(name))
        for ended in pool.map(lambda jobs: run_apart(jobs, Path(name)), trainings):
            yield from ended


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
