"""Every hyperparameter with many values: each job trains, or ends in one sentence without a text of the data.

    python -m robustness.fuzz_hyperparameters --output FOLDER [--names learning_rate seed] [--values 20] [--seed 0]

One job a value: a BERT of two layers, 48 rows of text, two steps. Each runs in a process that is forked from one which
has imported everything, with the function that the toolkit calls. Writes fuzz.jsonl, a line a job as it ends, and goes
on where an earlier start was; prints the counts, and each job that ended in a traceback or took too long.
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
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from contract.paths import Paths
from contract.small_bert import write_model

# What a person or a program sends for a field: typed, extreme, empty, JSON, and of another kind.
VALUES: tuple[Any, ...] = (
    *("0", "1", "2", "-1", "0.5", "1e-3", "1e30", "nan", "inf", "99999999999999999999"),
    *("True", "false", "none", "", " ", "no", "steps", "epoch", "text", '"quoted"'),
    *("[]", "[1, 2]", "{}", '{"a": 1}', "a,b", "../x", "\u00e9\u4e2d", "x" * 3000),
)
# In every text of the data, and in no message.
MARK = "zanzibar"
SECONDS = 60
BASE = {"max_steps": 2, "train_batch_size": 8, "bf16": False, "report_to": "none", "max_length": 16}


@dataclass(frozen=True)
class Ended:
    """How a job ended.

    Attributes:
        name: of the hyperparameter.
        value: that it was given.
        outcome: trained, refused, traceback, leaked (text of the data in the log), or late.
        reason: of the failure; empty where it trained.
        seconds: that it took.
    """

    name: str
    value: str
    outcome: str
    reason: str
    seconds: float


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m robustness.fuzz_hyperparameters")
    parser.add_argument("--output", type=Path, required=True, help="folder for fuzz.jsonl")
    parser.add_argument("--names", nargs="*", default=[], help="hyperparameters; all of them where none is named")
    parser.add_argument("--values", type=int, default=20, help="values of each, chosen by the seed")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(arguments)


def cases(names: list[str], values: int, seed: int) -> Iterator[tuple[str, str]]:
    """Each hyperparameter with `values` of VALUES, the same ones for a seed."""
    # Imported late: it takes seconds, and --help needs none of it.
    from training.hyperparameters import argument_kinds, known_names

    known = known_names(argument_kinds())
    for name in names or sorted(set(known.values())):
        for value in random.Random(f"{seed} {name}").sample(VALUES, min(values, len(VALUES))):
            yield name, value


def make_inputs(folder: Path) -> None:
    """The channels train, validation, test and model of all jobs."""
    texts = [f"{MARK} {'good' if i % 2 else 'bad'} word{i % 7}" for i in range(48)]
    write_model(folder / "model", texts, 32)
    for channel, part in (("train", texts[:32]), ("validation", texts[32:40]), ("test", texts[40:])):
        (folder / channel).mkdir()
        rows = [{"text": text, "label": text.split()[1]} for text in part]
        (folder / channel / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def train(base: Path, log: Path) -> None:
    """In the forked process: the job below `base`, as the toolkit runs it; its output goes to `log`."""
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
    """One job, in a folder of its own below `folder`."""
    base, log = folder / "job", folder / "log.txt"
    shutil.rmtree(base, ignore_errors=True)
    paths = Paths(base)
    paths.hyperparameters.parent.mkdir(parents=True)
    paths.hyperparameters.write_text(json.dumps({key: str(each) for key, each in (BASE | {name: value}).items()}))
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
    if late:
        return "late"
    if MARK in (log + reason).lower():
        return "leaked"
    if "Traceback" in log or "unexpected" in log or status not in (0, 1):
        return "traceback"
    return "refused" if status else "trained"


def main() -> None:
    given = parse()
    given.output.mkdir(parents=True, exist_ok=True)
    file = given.output / "fuzz.jsonl"
    done = [Ended(**json.loads(line)) for line in file.read_text().splitlines()] if file.exists() else []
    known = {(each.name, each.value) for each in done}
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["training.worker", "training.launch", "training.results.verification"])
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name, file.open("a") as stream:
        inputs = Path(name) / "data"
        inputs.mkdir()
        make_inputs(inputs)
        for hyperparameter, value in cases(given.names, given.values, given.seed):
            if (hyperparameter, value) in known:
                continue
            ended = run(hyperparameter, value, inputs, Path(name))
            done.append(ended)
            stream.write(json.dumps(asdict(ended)) + "\n")
            stream.flush()
    report(done)


def report(done: list[Ended]) -> None:
    counts = Counter(each.outcome for each in done)
    slowest = max((each.seconds for each in done if each.outcome == "refused"), default=0.0)
    print(f"{len(done):,} jobs: {dict(counts)}; the slowest refusal took {slowest:.1f} s")
    for each in done:
        if each.outcome not in ("trained", "refused"):
            print(f"{each.outcome}: {each.name} = {each.value[:60]!r}: {each.reason[:200]}")
    if counts.keys() - {"trained", "refused"}:
        sys.exit(1)


if __name__ == "__main__":
    main()
