"""Runner of `docker run IMAGE selftest`: runs named checks and prints a table of their results."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from contract import logs
from contract.failures import EXIT_BUG, EXIT_OK, UserError, reason
from contract.paths import BASE_DIR_VARIABLE

# Most seconds for one entry point; its job is so small that only a host that hangs takes longer.
LIMIT = 300
# Number of lines that are shown of a failed entry point's log.
SHOWN_LINES = 30
# The prefix of a line of contract.logs: time, level and logger.
PREFIX = re.compile(r"^\S+Z [A-Z]+ \S+: ")
# Longest detail in the table, in characters.
WIDTH = 120

log = logging.getLogger(__name__)


class NotHereError(Exception):
    """A check does not apply: the host lacks an optional device or folder, without which the image works."""


@dataclass(frozen=True)
class Check:
    """One check of the self-test.

    Attributes:
        name: name of the check in the table.
        run: runs the check and returns its finding in a few words. Raises NotHereError if the check does
            not apply, any other exception if it fails.
    """

    name: str
    run: Callable[[], str]


@dataclass(frozen=True)
class Result:
    """The result of a check: its outcome, the finding or the cause of failure, and its duration in seconds."""

    name: str
    outcome: Literal["ok", "failed", "absent"]
    detail: str
    seconds: float


def main(image: str, checks: Sequence[Check]) -> int:
    """Run `checks` and print a table of their results. Returns the exit status: 0 if none failed, else 1."""
    logs.configure()
    results = [judge(check) for check in checks]
    failed = [result.name for result in results if result.outcome == "failed"]
    verdict = f"failed: {', '.join(failed)}" if failed else "all checks passed, apart from absent devices"
    sys.stdout.write(f"\nself-test of {image}\n{table(results)}\n{verdict}\n")
    return EXIT_BUG if failed else EXIT_OK


def judge(check: Check) -> Result:
    """Run one check; any exception becomes its result, so that the next check runs."""
    log.info("checking %s", check.name)
    started = time.monotonic()
    outcome: Literal["ok", "failed", "absent"]
    try:
        outcome, detail = "ok", check.run()
    except NotHereError as error:
        outcome, detail = "absent", str(error)
    except Exception as error:
        outcome, detail = "failed", reason(error)
    return Result(check.name, outcome, " ".join(detail.split()), time.monotonic() - started)


def table(results: Sequence[Result]) -> str:
    """The results as text, one line per check: name, outcome, seconds, finding or cause."""
    width = max(len(result.name) for result in results)
    return "\n".join(
        f"{result.name:<{width}}  {result.outcome:<8}  {result.seconds:5.1f} s  {result.detail[:WIDTH]}".rstrip()
        for result in results
    )


def environment(base: Path, **changes: str) -> dict[str, str]:
    """Environment variables for an entry point with `base` as its /opt/ml, offline, with `changes`."""
    return {**os.environ, "HF_HUB_OFFLINE": "1", BASE_DIR_VARIABLE: str(base), **changes}


def write_rows(file: Path, count: int) -> list[str]:
    """Write `count` generated rows with text and label (0 or 1) as JSON Lines; returns the texts."""
    texts = [f"Review {number}: a {('dull', 'lovely')[number % 2]} kettle." for number in range(count)]
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = ({"text": text, "label": number % 2} for number, text in enumerate(texts))
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return texts


def run(module: str, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Run the entry point `python -m MODULE` as SageMaker does.

    Raises:
        UserError: it failed, and the end of its log is logged; or it took more than LIMIT seconds.
    """
    command = [sys.executable, "-m", module, *arguments]
    # In a session of its own, so that the processes that it started end with it.
    process = subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    with process:
        try:
            output, _ = process.communicate(timeout=LIMIT)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                raise UserError(f"{module} took more than {LIMIT} s") from None
            raise
    if process.returncode:
        raise failure(f"{module} ended with status {process.returncode}", output)


def failure(what: str, text: str) -> UserError:
    """Log the end of a failed process's output `text`; returns an error of `what` happened and the last line."""
    lines = [line for line in text.splitlines() if line.strip()][-SHOWN_LINES:]
    for line in lines:
        log.error("| %s", line)
    return UserError(f"{what}: {PREFIX.sub('', lines[-1]) if lines else 'its log is empty'}")


def expect(condition: bool, message: str) -> None:
    """Raise UserError with `message` unless `condition` holds."""
    if not condition:
        raise UserError(message)
