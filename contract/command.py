"""What every image answers without a job: --help and --version."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from contract import __version__


def answered(arguments: Sequence[str], help_text: Callable[[], str]) -> bool:
    """Whether `arguments` asked for the help or the version, which are then on standard output."""
    if {"--help", "-h"} & set(arguments):
        sys.stdout.write(help_text())
        return True
    if "--version" in arguments:
        sys.stdout.write(f"{__version__}\n")
        return True
    return False
