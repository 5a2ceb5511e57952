"""The runner of `docker run IMAGE selftest`: named checks, their results, and the printed table."""

from __future__ import annotations

import json
import logging
import os
import re
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

# Seconds for one entry point; the jobs here are so small that only a host that hangs takes longer.
LIMIT = 300
# Of a failed entry point's log, so many lines are shown.
SHOWN_LINES = 30
# What contract.logs puts before a message.
PREFIX = re.compile(r"^\S+Z [A-Z]+ \S+: ")
# Longest sentence in the table.
WIDTH = 120

log = logging.getLogger(__name__)


class NotHereError(Exception):
    """The host has no such thing, and the image works without it."""


@dataclass(frozen=True)
class Check:
    """One line of the table.

    Attributes:
        name: what is checked.
        run: returns what was found, in a few words. Raises NotHereError, or anything else for a failure.
    """

    name: str
    run: Callable[[], str]


@dataclass(frozen=True)
class Result:
    """What became of a check; `seconds` is how long it took."""

    name: str
    outcome: Literal["ok", "failed", "not here"]
    detail: str
    seconds: float


def main(image: str, checks: Sequence[Check]) -> int:
    """Run `checks` and print their table. Returns the exit status: 0 where nothing failed, else 1."""
    logs.configure()
    results = [judge(check) for check in checks]
    failed = [result.name for result in results if result.outcome == "failed"]
    verdict = f"failed: {', '.join(failed)}" if failed else "everything that is here works"
    sys.stdout.write(f"\nself-test of {image}\n{table(results)}\n{verdict}\n")
    return EXIT_BUG if failed else EXIT_OK


def judge(check: Check) -> Result:
    """Run one check; a failure of any kind is a line of the table, and the next check runs."""
    log.info("checking %s", check.name)
    started = time.monotonic()
    outcome: Literal["ok", "failed", "not here"]
    try:
        outcome, detail = "ok", check.run()
    except NotHereError as error:
        outcome, detail = "not here", str(error)
    except Exception as error:
        outcome, detail = "failed", reason(error)
    return Result(check.name, outcome, " ".join(detail.split()), time.monotonic() - started)


def table(results: Sequence[Result]) -> str:
    """The results under each other: what, ok or failed or not here, seconds, what was found or why."""
    width = max(len(result.name) for result in results)
    return "\n".join(
        f"{result.name:<{width}}  {result.outcome:<8}  {result.seconds:5.1f} s  {result.detail[:WIDTH]}".rstrip()
        for result in results
    )


def environment(base: Path, **changes: str) -> dict[str, str]:
    """The variables for an entry point whose /opt/ml is `base`, with `changes`; the hub is not asked."""
    return {**os.environ, "HF_HUB_OFFLINE": "1", BASE_DIR_VARIABLE: str(base), **changes}


def write_rows(file: Path, count: int) -> list[str]:
    """Write `count` made-up rows of text and label, 0 or 1, as JSON Lines; returns the texts."""
    texts = [f"Review {number}: a {('dull', 'lovely')[number % 2]} kettle." for number in range(count)]
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = ({"text": text, "label": number % 2} for number, text in enumerate(texts))
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return texts


def run(module: str, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Run the entry point `module` as SageMaker would.

    Raises:
        UserError: it failed, or took LIMIT seconds; the end of its log is shown.
    """
    command = [sys.executable, "-m", module, *arguments]
    try:
        done = subprocess.run(
            command,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UserError(f"{module} took more than {LIMIT} s") from None
    if done.returncode:
        raise failure(f"{module} ended with status {done.returncode}", done.stdout)


def failure(what: str, text: str) -> UserError:
    """Show the end of a log, and say its last line with `what` happened."""
    lines = [line for line in text.splitlines() if line.strip()][-SHOWN_LINES:]
    for line in lines:
        log.error("| %s", line)
    return UserError(f"{what}: {PREFIX.sub('', lines[-1]) if lines else 'it said nothing'}")


def expect(is_so: bool, otherwise: str) -> None:
    """Raises UserError with the sentence `otherwise` where it is not so."""
    if not is_so:
        raise UserError(otherwise)
