"""Which versions made a result: the image's own and those of the libraries that matter."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from contract import __version__


def versions(libraries: Iterable[str]) -> dict[str, str]:
    """The image's version, Python's, and that of each installed distribution in `libraries`."""
    found = {"image": __version__, "python": platform.python_version()}
    for name in libraries:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
