"""Cases of robustness/fuzz_hyperparameters.py: names and values, what a job is, and its check without a start."""

from __future__ import annotations

import logging
import random
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Values that a person or a program may set: of the right type, extreme, empty, JSON, and of another type.
VALUES: tuple[Any, ...] = (
    *("0", "1", "2", "-1", "0.5", "1e-3", "1e30", "nan", "inf", "99999999999999999999"),
    *("True", "false", "none", "", " ", "no", "steps", "epoch", "text", '"quoted"'),
    *("[]", "[1, 2]", "{}", '{"a": 1}', "a,b", "../x", "\u00e9\u4e2d", "x" * 3000),
)
NOTHING: tuple[Any, ...] = (None, "none", [], {}, "")
# What transformers makes of true and false for include_num_input_tokens_seen.
TOKENS_SEEN = {"true": "all", "1": "all", "false": "no", "0": "no"}
BASE = {"max_steps": 2, "train_batch_size": 8, "bf16": False, "report_to": "none", "max_length": 16}


@dataclass(frozen=True)
class Ended:
    """The result of a job.

    Attributes:
        name: name of the hyperparameter.
        value: its value.
        outcome: trained, training (it had taken steps when its time was over), refused, accepted (not started),
            ignored (the value is not in force, and the log does not say so), traceback, silent (it failed without a
            reason, or with several lines), leaked (text of the data in the log), orphans (it left processes behind),
            or late (timeout before the first step).
        reason: failure reason; empty if it trained.
        seconds: duration.
    """

    name: str
    value: str
    outcome: str
    reason: str
    seconds: float


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
        with logged() as lines:
            parsed = hyperparameters.parse({key: str(item) for key, item in (BASE | {name: value}).items()})
            hyperparameter_checks.check(parsed)
            args = arguments.build(parsed.arguments, Path(tempfile.gettempdir()), evaluates=True, world_size=1)
        if is_ignored(name, parsed.arguments, args, lines):
            outcome, reason = (
                "ignored",
                f"TrainingArguments has {getattr(args, name)!r}, and no log line says so",
            )
    except UserError as error:
        outcome, reason = "refused", str(error)
    except Exception as error:
        outcome, reason = "traceback", f"{type(error).__name__}: {error}"
    return Ended(name, value, outcome, reason, time.monotonic() - started)


@contextmanager
def logged() -> Iterator[list[str]]:
    """The messages that are logged in the block."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    loggers = [logging.getLogger(name) for name in ("training", "transformers")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield lines
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


def is_ignored(name: str, given: Mapping[str, Any], args: Any, lines: Sequence[str]) -> bool:
    """Whether a field of TrainingArguments that was given is not in force, and no line names it.

    The image's own options are in force as they are parsed; a field that the image decides is taken only where its
    value is what the image does.

    Args:
        given: fields of TrainingArguments, as training.hyperparameters parses them.
        args: transformers.TrainingArguments.
        lines: of the log.
    """
    # None means that transformers chooses.
    if given.get(name) in NOTHING or any(name in line for line in lines):
        return False
    now = plain(getattr(args, name))
    return bool(now != plain(given[name]) and now != TOKENS_SEEN.get(str(given[name]).lower()))


def plain(value: Any) -> Any:
    """A value as JSON has it, so that an Enum and its text are the same, and a list and its only item."""
    if isinstance(value, (list, tuple)):
        value = value[0] if len(value) == 1 else [plain(item) for item in value]
    value = getattr(value, "value", value)
    return None if value in NOTHING else value
