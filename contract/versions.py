"""Versions of Python and of installed libraries, for --version, cards and reports."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from contract import __version__

# Those that decide about the results of any of the images; each carries some of them.
LIBRARIES = (
    *("torch", "transformers", "tokenizers", "datasets", "accelerate", "peft", "numpy", "pyarrow", "duckdb", "tokie"),
    *("sagemaker-training", "sagemaker-inference", "multi-model-server", "aiohttp"),
)


def versions(libraries: Iterable[str]) -> dict[str, str]:
    """The image's version, Python's, and that of each installed distribution in `libraries`."""
    return {"image": __version__, **installed(libraries)}


def installed(libraries: Iterable[str] = LIBRARIES) -> dict[str, str]:
    """Python's version, and that of each installed distribution in `libraries`."""
    found = {"python": platform.python_version()}
    for name in libraries:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
