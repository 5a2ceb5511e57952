"""Which checkpoint to resume: the newest that every host holds and that matches model, data and world size."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from pathlib import Path

from transformers import TrainingArguments

from contract.failures import UserError
from contract.files import read_json
from training.checkpointing import store
from training.checkpointing.store import Checkpoint, Origin
from training.distributed.collectives import Agreement

NONE = -1
NO_OPINION = 2**62

log = logging.getLogger(__name__)


# What an Origin tells apart, as messages name it.
ORIGINS = {
    "data": "train channel (or max_length)",
    "validation": "validation channel (or max_length)",
    "model": "base model, model configuration or LoRA",
}


def choose(
    root: Path,
    origin: Origin,
    agreement: Agreement,
    *,
    wanted: bool,
    first_on_host: bool,
    first: bool,
    problem_of: Callable[[Path], str] = lambda _: "",
    problem_type: str = "",
) -> Checkpoint | None:
    """The checkpoint to go on from, the same step on all ranks; None to start at the beginning.

    Args:
        root: folder of the checkpoints on this host.
        origin, problem_type: of this job's data and model.
        agreement: of the ranks.
        wanted: False starts anew; what is there is set aside.
        first_on_host: whether this rank is its host's first: it verifies for the others.
        first: whether this rank is the first of all: it alone moves folders.
        problem_of: tells what keeps a folder from being loaded; empty if nothing does.

    Raises:
        UserError: the newest checkpoint belongs to other data or another model.
    """
    root.mkdir(parents=True, exist_ok=True)

    def problem(checkpoint: Checkpoint) -> str:
        # First of all: weights of another model do not fit either, and would be set aside.
        refuse_other_job(checkpoint, origin, problem_type)
        return problem_of(checkpoint.folder)

    found = store.newest(root, problem) if wanted and first_on_host else None
    step = agreement.smallest((found.step if found else NONE) if first_on_host else NO_OPINION)
    if found is not None and found.step != step:
        log.warning("this host has a checkpoint of step %d, but not all hosts do", found.step)
    if first:
        store.set_aside(root, newer_than=step)
    agreement.barrier()
    return None if step == NONE else opened(root, step, found)


def refuse_other_job(checkpoint: Checkpoint, origin: Origin, problem_type: str) -> None:
    """Raise where `checkpoint` is another job's, before it is resumed or set aside."""
    for what, name in ORIGINS.items():
        if getattr(checkpoint.origin, what) != getattr(origin, what):
            earlier = problem_type_of(checkpoint)
            if earlier not in ("", problem_type):
                # The labels, and so the rows of train, follow from it.
                name = f"problem_type ({earlier}, while this job's is {problem_type})"
            raise UserError(
                f"checkpoint {checkpoint.folder} was made with another {name}; "
                "expected this job's own: name another checkpoint location, or set resume to false"
            )


def problem_type_of(checkpoint: Checkpoint) -> str:
    """The problem type in the checkpoint's config.json; empty where there is none, as beside an adapter."""
    file = checkpoint.folder / "config.json"
    return str(read_json(file, "checkpoint's configuration").get("problem_type") or "") if file.is_file() else ""


def opened(root: Path, step: int, found: Checkpoint | None) -> Checkpoint:
    """The checkpoint of `step`, verified by the first rank of each host."""
    folder = root / f"{store.PREFIX}{step}"
    return found if found is not None and found.step == step else store.verify(folder)


def rows_per_step(args: TrainingArguments, found: Checkpoint | None) -> int:
    """Rows of a step over all ranks: as configured, or the checkpoint's, so that steps and order stay what they were.

    Where batch size and ranks do not make that many, gradient_accumulation_steps of `args` is set to do so.
    """
    share = args.train_batch_size * args.world_size
    configured = share * args.gradient_accumulation_steps
    if found is None:
        return configured
    if found.world_size != args.world_size:
        log.info(
            "the checkpoint is of %d ranks, this start has %d: rows come in the same order, dropout is drawn anew",
            found.world_size,
            args.world_size,
        )
    if found.rows != configured:
        args.gradient_accumulation_steps = math.ceil(found.rows / share)
        log.info(
            "a step of the checkpoint has %d rows, one of this start would have %d: "
            "gradient_accumulation_steps is now %d, so that it has %d again",
            found.rows,
            configured,
            args.gradient_accumulation_steps,
            found.rows,
        )
    return found.rows
