"""Entry point `python -m inference serve`: --help, --version, selftest, or the server."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, Sequence

from contract import logs
from contract.command import SELFTEST, answered
from contract.failures import EXIT_OK, EXIT_USER_ERROR, UserError, log_failure
from contract.option_help import as_variable, help_text
from contract.options import from_environment
from inference.options import ServingOptions, unknown_variables
from inference.server.serve import serve

log = logging.getLogger("inference")

USAGE = "usage: python -m inference serve\n\nEvery option is an environment variable:"


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the server until SIGTERM or SIGINT. Returns the exit status: 0 after a signal, not 0 after a failure."""
    if answered(arguments, lambda: help_text(ServingOptions, USAGE, as_variable)):
        return EXIT_OK
    if list(arguments) == [SELFTEST]:
        # Imported late: only the self-test needs it.
        from inference import selftest

        return selftest.start(environ)
    logs.configure()
    try:
        # SageMaker passes `serve`; no argument means the same.
        if list(arguments) == ["train"]:
            raise UserError(
                "the argument is train, but this is the inference image; expected sagemaker-huggingface-training for "
                "training jobs"
            )
        if list(arguments) not in (["serve"], []):
            raise UserError(f"arguments are {' '.join(arguments)!r}, expected serve")
        options = from_environment(ServingOptions, environ)
        logs.configure(options.level_name)
        for sentence in unknown_variables(environ):
            log.warning("%s", sentence)
        return serve(options, environ)
    except UserError as error:
        log_failure(error)
        return EXIT_USER_ERROR


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
