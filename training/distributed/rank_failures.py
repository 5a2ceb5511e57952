"""Why a rank failed: the cause that each rank leaves in a folder, the first of them, and advice on out-of-memory."""

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

FOLDER_VARIABLE = "TRAINING_RANK_FOLDER"
RANK_VARIABLE = "RANK"

# How torch, CUDA and the C++ library say it; the class differs from version to version.
MEMORY_MARKS = ("out of memory", "can't allocate memory", "ALLOC_FAILED", "bad_alloc")
DISK_MARKS = ("No space left on device", "Disk quota exceeded", "File too large")
# What a rank says that was waiting for one that is gone.
ECHO_MARKS = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "remote process exited")

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

    @property
    def is_echo(self) -> bool:
        """Whether it only says that another rank is gone."""
        return any(mark in self.text for mark in ECHO_MARKS)


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
        """The file that exists once the launcher has received SIGTERM."""
        return self.folder / "stop"

    def leave(self, text: str) -> None:
        """Record why this rank fails now."""
        cause = {"rank": self.rank, "nanoseconds": time.time_ns(), "text": text}
        write_json(self.folder / f"cause-{self.rank}.json", cause)

    def first(self) -> Cause | None:
        """The cause of the rank that failed first; None where no rank left one."""
        causes = [Cause(**json.loads(path.read_bytes())) for path in self.folder.glob("cause-*.json")]
        return min(causes, key=lambda cause: (cause.is_echo, cause.nanoseconds), default=None)


@contextmanager
def settle(folder: RankFolder) -> Iterator[None]:
    """Turn an exception into a logged cause and an exit status, without torch's own traceback."""
    # Imported late: a rank has it already, and the launcher of a team's script needs no PyTorch.
    from training.distributed.stopping import InterruptionError

    try:
        yield
    except InterruptionError as stop:
        folder.leave(str(stop))
        raise SystemExit(EXIT_BUG) from None
    except Exception as error:
        explained = explain(error)
        log_failure(explained)
        folder.leave(reason(explained))
        raise SystemExit(EXIT_BUG) from None


def explain(error: Exception) -> Exception:
    """`error`, or where memory or disk ran out, a sentence that names the cure."""
    # CUDA's goes on with what each process holds, in the same line.
    text = str(error).partition("\n")[0].partition(". GPU ")[0]
    if isinstance(error, MemoryError) or any(mark in str(error) for mark in MEMORY_MARKS):
        return UserError(
            f"memory does not suffice ({text or 'MemoryError'}); lower train_batch_size and raise "
            "gradient_accumulation_steps by as much, or set gradient_checkpointing to true"
        )
    if not isinstance(error, UserError) and any(mark in str(error) for mark in DISK_MARKS):
        return UserError(f"the disk does not suffice ({text}); expected room for the model and two checkpoints")
    return error
