"""The hosts of a job and this host's rank, from SageMaker's resourceconfig.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from contract.failures import UserError


@dataclass(frozen=True)
class Hosts:
    """The job's host names in their agreed order, and the name of this one."""

    current: str = "algo-1"
    names: tuple[str, ...] = ("algo-1",)

    @classmethod
    def read(cls, path: Path) -> Hosts:
        """Read `current_host` and `hosts` from `path`; one host where there is no file.

        The order is sorted by name and length, so that every host computes the same ranks
        (algo-2 before algo-10).

        Raises:
            UserError: the file is not JSON, or `current_host` is not among `hosts`.
        """
        if not path.exists():
            return cls()
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
            current = str(config["current_host"])
            names = tuple(sorted(map(str, config["hosts"]), key=lambda name: (len(name), name)))
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{path}: expected JSON with current_host and hosts, got {type(error).__name__}: {error}"
            ) from None
        if current not in names:
            raise UserError(f"{path}: current_host is {current!r}, expected one of {list(names)}")
        return cls(current, names)

    @property
    def index(self) -> int:
        """Position of this host, from 0 to count - 1."""
        return self.names.index(self.current)

    @property
    def count(self) -> int:
        return len(self.names)
