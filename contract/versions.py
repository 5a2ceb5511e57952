"""Versions of the image, of Python and of installed libraries, for --version, cards and reports."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from contract import __version__

# Libraries whose versions can change results; each image has some of them.
LIBRARIES = (
    *("torch", "transformers", "tokenizers", "datasets", "accelerate", "peft", "numpy", "pyarrow", "duckdb"),
    *("nanotoken", "tokie"),
    *("sagemaker-training", "sagemaker-inference", "multi-model-server", "aiohttp"),
)


def versions(libraries: Iterable[str]) -> dict[str, str]:
    """Versions of the image, of Python, and of those distributions in `libraries` that are installed."""
    return {"image": __version__, **installed(libraries)}


def installed(libraries: Iterable[str] = LIBRARIES) -> dict[str, str]:
    """Versions of Python, and of those distributions in `libraries` that are installed."""
    # Imported late: it takes as long as the other imports of --version, and jobs need it only at their end.
    from importlib.metadata import PackageNotFoundError, version

    versions = {"python": sys.version.split()[0]}
    for name in libraries:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions
