"""Entry point: `python -m inference serve`, as SageMaker runs the image."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from contract import logs
from contract.failures import EXIT_USER_ERROR, UserError, log_failure
from contract.options import declared, from_environment
from contract.values import describe
from inference.options import ServingOptions
from inference.serve import serve

USAGE = "usage: python -m inference serve\n\nEvery option is a variable of the environment:\n"


def usage() -> str:
    """The options with variable, meaning, type and default."""
    lines = [
        f"  {option.variable}\n      {option.help} ({describe(option.kind)}; default: {option.default})"
        for option in declared(ServingOptions)
    ]
    return "\n".join([USAGE, *lines, ""])


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Serve until told to stop. Returns the exit status: 0 after SIGTERM, not 0 after a failure."""
    if arguments in (["--help"], ["-h"]):
        sys.stdout.write(usage())
        return 0
    logs.configure()
    try:
        # SageMaker passes `serve`; with no argument the image has nothing else to do.
        if list(arguments) not in (["serve"], []):
            raise UserError(f"arguments are {' '.join(arguments)!r}, expected serve")
        options = from_environment(ServingOptions, environ)
        logs.configure(options.level_name)
        return serve(options, environ)
    except UserError as error:
        log_failure(error)
        return EXIT_USER_ERROR


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
