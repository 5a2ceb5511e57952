"""Checks everything that needs a GPU, in four minutes (make gpu-check); on a machine without one what CPUs can check.

    python -m robustness.gpu_check [--model FOLDER --data reviews.tsv.gz | --small] [--output FOLDER] \\
        [--parallel 4] [--seconds 240] [--skip NAME ...]

Each result is written as it comes to check.jsonl in the output folder, and at the end all of them to check.txt. Several
checks run at once: each is mostly the start of a process. Exits with 1 if one failed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from benchmarks import gpu_inputs
from contract import logs
from contract.failures import UserError
from contract.files import write_text
from contract.selftest import Check, NotHereError, Result, environment, failure, judge, run, table
from robustness.gpu_serving_checks import ServingChecks
from robustness.gpu_training_checks import TrainingChecks

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Runner:
    """Runs checks and keeps their results.

    Attributes:
        file: JSON Lines, a line for each result.
        deadline: by time.monotonic(); checks that have not begun by then are not run.
        skip: names of checks that are not run.
    """

    file: Path
    deadline: float
    skip: Sequence[str] = ()

    def chain(self, checks: Sequence[Check]) -> list[Result]:
        """Run `checks` in order."""
        return [self.judge(check) for check in checks if not check.name.startswith(tuple(self.skip))]

    def judge(self, check: Check) -> Result:
        """Run one check, unless time is up, and write its result."""
        late = time.monotonic() > self.deadline
        result = judge(Check(check.name, time_is_up) if late else check)
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(result)) + "\n")
        return result


def time_is_up() -> str:
    """The result of a check that has not begun in time."""
    raise NotHereError("not run: the time was up")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m robustness.gpu_check")
    gpu_inputs.add_options(parser)
    parser.add_argument("--parallel", type=int, help="checks at once; default: 4 with a GPU, else 1")
    parser.add_argument("--seconds", type=float, default=240, help="no check begins later than this")
    parser.add_argument("--skip", nargs="*", default=[], help="beginnings of the names of checks that are not run")
    return parser.parse_args(arguments)


def unit_tests(seconds: float) -> str:
    """The tests of tests/gpu.

    Raises:
        UserError: one failed.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/gpu"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode:
        raise failure(f"pytest ended with status {done.returncode}", done.stdout + done.stderr)
    return done.stdout.strip().rpartition("\n")[2]


def selftest(image: str) -> str:
    """The self-test of an image, as its entry point runs it."""
    with tempfile.TemporaryDirectory() as name:
        run(image, ["selftest"], environment(Path(name), PYTHONPATH=str(ROOT)))
    return "all checks passed, apart from absent devices"


def chains(training: TrainingChecks, serving: ServingChecks) -> list[list[Check]]:
    """All checks but the last, in lists of which several run at once."""
    first, *rest = training.chains()
    others = [Check("unit tests", partial(unit_tests, training.seconds))]
    others += [Check(f"selftest of {image}", partial(selftest, image)) for image in ("training", "inference")]
    # The server has the model that the first chain trains.
    return [[*first, *serving.checks()], *rest, others]


def checked(options: argparse.Namespace, folder: Path, runner: Runner) -> list[Result]:
    """Prepare the inputs and run all checks."""
    import torch

    on_gpu = torch.cuda.is_available()
    inputs = gpu_inputs.prepare(options, folder)
    training = TrainingChecks(folder, inputs, on_gpu)
    serving = ServingChecks(folder, inputs, folder / "free" / "model")
    with ThreadPoolExecutor(options.parallel or (4 if on_gpu else 1)) as pool:
        results = [result for each in pool.map(runner.chain, chains(training, serving)) for result in each]
    # Alone, for it takes all memory of the GPU.
    return results + runner.chain([Check("out of memory", training.out_of_memory)])


def main(arguments: list[str] | None = None) -> int:
    """Run the checks; returns the exit status."""
    options = parse(arguments)
    logs.configure()
    options.output.mkdir(parents=True, exist_ok=True)
    file = options.output / "check.jsonl"
    file.unlink(missing_ok=True)
    runner = Runner(file, time.monotonic() + options.seconds, options.skip)
    # A short prefix, since paths of Unix sockets are limited in length.
    with tempfile.TemporaryDirectory(prefix="g") as name:
        try:
            results = checked(options, Path(name), runner)
        except UserError as error:
            sys.exit(str(error))
    failed = [result.name for result in results if result.outcome == "failed"]
    verdict = f"failed: {', '.join(failed)}" if failed else "no check failed"
    text = f"{table(results)}\n{verdict}\n"
    write_text(options.output / "check.txt", text)
    sys.stdout.write(text)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
