"""UserError, the exit status of a failed job, and its reason in /opt/ml/output/failure or message.

SageMaker shows at most 1,024 bytes of /opt/ml/output/failure (FailureReason of a training job) and of
/opt/ml/output/message (ExitMessage of a processing job), so reasons are truncated there; the log has
them in full.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

REASON_LIMIT = 1024
EXIT_OK = 0
EXIT_BUG = 1
EXIT_USER_ERROR = 2

log = logging.getLogger(__name__)


class UserError(Exception):
    """An error of the caller, such as a bad option or bad data.

    Its message is one sentence that names the option or file, its value and what was expected.
    """


def reason(error: BaseException) -> str:
    """The failure reason of a job: a UserError's message, or another exception's type and message."""
    if isinstance(error, UserError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def first_line(error: BaseException) -> str:
    """The first line of an error's message that is not blank; the name of its type if there is none."""
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def cut(text: str, limit: int = REASON_LIMIT) -> str:
    """Truncate `text` to at most `limit` bytes of UTF-8, without splitting a character."""
    data = text.encode("utf-8", "replace")
    if len(data) <= limit:
        return text
    return data[: limit - 3].decode("utf-8", "ignore") + "..."


def write_reason(path: Path, text: str) -> None:
    """Write a failure reason, truncated to SageMaker's limit. An error of writing is only logged."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(cut(text), encoding="utf-8")
    except OSError as error:
        log.error("could not write the failure reason to %s: %s", path, error)


def remove_reason(path: Path) -> None:
    """Remove the failure reason of an earlier run. An error of removing is only logged."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.error("could not remove the old failure reason %s: %s", path, error)


def log_failure(error: BaseException) -> None:
    """Log an error: a UserError as one line, any other exception with its traceback."""
    if isinstance(error, UserError):
        log.error("%s", error)
    else:
        log.error("unexpected %s", reason(error), exc_info=error)


def guard(job: Callable[[], None], reason_file: Path) -> int:
    """Run `job`; on failure log the error and write its reason. Returns the exit status of the process.

    A reason that an earlier run left in `reason_file` is removed first.
    """
    remove_reason(reason_file)
    try:
        job()
    except KeyboardInterrupt:
        write_reason(reason_file, "interrupted")
        return 128 + 2
    except BaseException as error:
        if not is_failure(error):
            raise
        log_failure(error)
        write_reason(reason_file, reason(error))
        return EXIT_USER_ERROR if isinstance(error, UserError) else EXIT_BUG
    return EXIT_OK


def is_failure(error: BaseException) -> bool:
    """Whether `error` is an Exception, or a panic, rather than an end of the process that was asked for."""
    return isinstance(error, Exception) or is_panic(error)


def is_panic(error: BaseException) -> bool:
    """Whether `error` is the panic of a library in Rust, PyO3's PanicException, which is no Exception."""
    return type(error).__name__ == "PanicException"
