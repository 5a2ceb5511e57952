"""Why ranks failed: each leaves its cause in a folder that the launcher reads."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from contract.failures import EXIT_BUG, UserError, log_failure, reason
from contract.files import write_json
from training.stop import InterruptionError

FOLDER_VARIABLE = "TRAINING_RANK_FOLDER"
RANK_VARIABLE = "RANK"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cause:
    """One rank's failure.

    Attributes:
        rank: over all hosts.
        nanoseconds: since the epoch, when it failed; torch's own records have whole seconds only.
        text: one sentence.
    """

    rank: int
    nanoseconds: int
    text: str


@dataclass(frozen=True)
class RankFolder:
    """Where the launcher and the ranks of one host leave each other word."""

    folder: Path
    rank: int = 0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> RankFolder:
        """The folder that the launcher named to this rank.

        Raises:
            UserError: it did not, so this is not one of its ranks.
        """
        if FOLDER_VARIABLE not in environ:
            raise UserError(f"{FOLDER_VARIABLE} is not set; ranks are started by `train`, not by hand")
        return cls(Path(environ[FOLDER_VARIABLE]), int(environ.get(RANK_VARIABLE, "0")))

    @property
    def stop_file(self) -> Path:
        """There once the launcher was asked to stop."""
        return self.folder / "stop"

    def leave(self, text: str) -> None:
        """Record why this rank fails now."""
        cause = {"rank": self.rank, "nanoseconds": time.time_ns(), "text": text}
        write_json(self.folder / f"cause-{self.rank}.json", cause)

    def first(self) -> Cause | None:
        """The cause of the rank that failed first; None where no rank left one."""
        causes = [Cause(**json.loads(path.read_bytes())) for path in self.folder.glob("cause-*.json")]
        return min(causes, key=lambda cause: cause.nanoseconds, default=None)


@contextmanager
def settle(folder: RankFolder) -> Iterator[None]:
    """Turn an exception into a logged cause and an exit status, without torch's own traceback."""
    try:
        yield
    except InterruptionError as stop:
        folder.leave(str(stop))
        raise SystemExit(EXIT_BUG) from None
    except Exception as error:
        log_failure(error)
        folder.leave(reason(error))
        raise SystemExit(EXIT_BUG) from None
