"""Entry point `python -m processing [flags]`: --help, --version, selftest, or the job."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence

from contract.command import SELFTEST, answered
from contract.failures import EXIT_OK, guard
from contract.logs import configure
from contract.option_help import help_text
from contract.options import from_flags
from contract.paths import Paths
from processing.options import ProcessingOptions
from processing.report import report_process

USAGE = "usage: python -m processing --tokenizer NAME_OR_FOLDER [options]\n\nPrepare raw labelled text for training."

# Objects made between two collections, 700 by default: the modules and the vocabulary are many objects that all stay.
COLLECTED_OBJECTS = 200_000


def main(arguments: Sequence[str], keep: Callable[[object], None] = lambda _: None) -> int:
    """Run the job with the command line flags `arguments`; returns the exit status of the process.

    Args:
        keep: is called with the job when it has ended, which is freed unless this keeps it.
    """
    if answered(arguments, lambda: help_text(ProcessingOptions, USAGE)):
        return EXIT_OK
    if list(arguments) == [SELFTEST]:
        # Imported late: only the self-test needs it.
        from processing import selftest

        return selftest.start(os.environ)
    configure()
    paths = Paths.from_environment(os.environ)
    return guard(lambda: keep(run(arguments, paths)), paths.message)


def run(arguments: Sequence[str], paths: Paths) -> object:
    """Run the job, and return it; failures are raised."""
    options = from_flags(ProcessingOptions, arguments)
    # The job uses no linear algebra, and starting OpenBLAS's threads takes longer than most imports.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Offline by default, as in the image. huggingface_hub reads the variable when it is imported.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    gc.set_threshold(COLLECTED_OBJECTS)
    with report_process.started(options.tokenizer) as reports:
        # Imported late: --help and errors in options do not need DuckDB.
        from processing import start

        return start.run(options, paths, reports)


def end(status: int) -> None:
    """End the process without freeing its objects one by one, which takes a twentieth of a small job's time.

    Nothing is left to do: the job has closed files and the database, and deleted temporary folders.
    """
    for stream in (sys.stdout, sys.stderr):
        # None if the process was started without it.
        if stream is not None:
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    kept: list[object] = []
    end(main(sys.argv[1:], kept.append))
