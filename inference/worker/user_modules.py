"""UserModules: lets a team's code import its own modules that are named as the image's packages are."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType, TracebackType

# The packages of the image that a worker has imported, so that `import contract` would find the image's.
IMAGE_PACKAGES = ("contract", "inference")


class UserModules(MetaPathFinder):
    """A context manager, within which the names of IMAGE_PACKAGES that `folder` has are those of the folder.

    Other modules of the folder are found through sys.path, after installed packages. The team's modules are kept from
    one block to the next. Not for several threads at once.

    Args:
        folder: the team's code folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names = {name for name in IMAGE_PACKAGES if (folder / f"{name}.py").is_file() or (folder / name).is_dir()}
        self._team: dict[str, ModuleType] = {}
        self._image: list[dict[str, ModuleType]] = []
        if str(folder) not in sys.path:
            sys.path.append(str(folder))

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the parameters are importlib's
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """The module `fullname` of the folder; None for names that the image does not have."""
        return PathFinder.find_spec(fullname, [str(self._folder)], target) if fullname in self._names else None

    def __enter__(self) -> None:
        self._image.append(self._taken_out())
        sys.modules.update(self._team)
        sys.meta_path.insert(0, self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        sys.meta_path.remove(self)
        self._team = self._taken_out()
        sys.modules.update(self._image.pop())

    def _taken_out(self) -> dict[str, ModuleType]:
        """Remove the modules of the names from sys.modules; returns them."""
        own = [name for name in sys.modules if name.partition(".")[0] in self._names]
        return {name: sys.modules.pop(name) for name in own}
