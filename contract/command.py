"""The commands --help and --version, which every image answers without running a job."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence

from contract.provenance import provenance
from contract.versions import installed

# The argument that, alone, runs the image's self-test: here, so that a job need not load what that needs.
SELFTEST = "selftest"
OTHERS = f"""
Instead of a job: --version tells the versions of the image, its base and its libraries; {SELFTEST} alone
runs a tiny job offline and says what works on this host.
"""


def answered(arguments: Sequence[str], help_text: Callable[[], str]) -> bool:
    """Whether `arguments` asked for the help or the version, which are then on standard output."""
    if {"--help", "-h"} & set(arguments):
        sys.stdout.write(help_text() + OTHERS)
        return True
    if "--version" in arguments:
        sys.stdout.write(version_text())
        return True
    return False


def version_text() -> str:
    """JSON: what build.sh recorded of the image, and the versions of the libraries inside."""
    return json.dumps({**provenance(), "libraries": installed()}, indent=2) + "\n"
