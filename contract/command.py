"""--help and --version, which every image's entry point prints instead of running a job."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence

from contract.provenance import provenance
from contract.versions import installed

# The argument that runs the image's self-test. Defined here, so that a job need not import contract.selftest.
SELFTEST = "selftest"
OTHERS = f"""
Instead of a job: --version prints the versions of the image, its base and its libraries; {SELFTEST} as the
only argument runs a tiny job offline and prints what works on this host.
"""


def answered(arguments: Sequence[str], help_text: Callable[[], str]) -> bool:
    """Print help or version if `arguments` contain --help, -h or --version; returns whether they do."""
    if {"--help", "-h"} & set(arguments):
        sys.stdout.write(help_text() + OTHERS)
        return True
    if "--version" in arguments:
        sys.stdout.write(version_text())
        return True
    return False


def version_text() -> str:
    """The output of --version: JSON with what build.sh recorded (contract/provenance.py) and library versions."""
    return json.dumps({**provenance(), "libraries": installed()}, indent=2) + "\n"
