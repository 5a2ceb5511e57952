"""Entry point `python -m processing [flags]`: --help, --version, selftest, or the job."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from contract.command import SELFTEST, answered
from contract.failures import EXIT_OK, guard
from contract.logs import configure
from contract.options import from_flags, help_text
from contract.paths import Paths
from processing.options import ProcessingOptions

USAGE = "python -m processing --tokenizer NAME_OR_FOLDER [options]: raw labelled text to tokenized splits"


def main(arguments: Sequence[str]) -> int:
    """Run the job that `arguments` ask for; returns the process's exit status."""
    if answered(arguments, lambda: help_text(ProcessingOptions, USAGE)):
        return EXIT_OK
    if list(arguments) == [SELFTEST]:
        # Imported late: a job has no use for it.
        from processing import selftest

        return selftest.start(os.environ)
    configure()
    paths = Paths.from_environment(os.environ)
    return guard(lambda: run(arguments, paths), paths.message)


def run(arguments: Sequence[str], paths: Paths) -> None:
    options = from_flags(ProcessingOptions, arguments)
    # No linear algebra here, and starting its threads takes longer than any import but DuckDB's.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # As in the image: the hub is asked where that is allowed. huggingface_hub reads it when it is imported.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    # Imported late: --help and a mistyped option need no database.
    from processing import start

    start.run(options, paths)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
