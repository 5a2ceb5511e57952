"""hyperparameters.json of a checkpoint: the values of each stretch of steps, and changes at a resume."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from transformers import TrainingArguments

from contract.failures import UserError
from contract.files import read_json, write_json
from training.options import TrainingOptions

FILE = "hyperparameters.json"

# What must not change in the midst of a training: the order of the rows, the optimizer's state and the figures by
# which evaluations are compared would no longer mean the same.
FIXED = (
    "seed",
    "data_seed",
    "train_sampling_strategy",
    "dataloader_drop_last",
    "optim",
    "optim_args",
    "lr_scheduler_type",
    "metric_for_best_model",
    "greater_is_better",
    "label_smoothing_factor",
    "class_weights",
)
# ReduceLROnPlateau keeps the learning rate that it has come to, and its settings, in the checkpoint.
PLATEAU, FIXED_ON_PLATEAU = "reduce_lr_on_plateau", ("learning_rate", "lr_scheduler_kwargs")
ROWS_OF_A_STEP = ("per_device_train_batch_size", "gradient_accumulation_steps")
# Folders, addresses and machines, none of which a step depends on; secrets end in _token.
LEFT_OUT = ("output_dir", "logging_dir", "run_name", "local_rank", "resume", "model_name", "master_port", "_n_gpu")
SECRET = "_token"  # noqa: S105 (the end of names)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stretch:
    """Steps that were trained with the same hyperparameters: from `first_step` to the next stretch's.

    Attributes:
        first_step: counted from 1.
        values: by name, as JSON holds them.
    """

    first_step: int
    values: Mapping[str, Any]


def in_force(args: TrainingArguments, options: TrainingOptions) -> dict[str, Any]:
    """All hyperparameters of a start, defaults included, as JSON holds them."""
    values = {**args.to_dict(), **asdict(options)}
    kept = {name: value for name, value in values.items() if name not in LEFT_OUT and not name.endswith(SECRET)}
    return json.loads(json.dumps(kept, default=str))


def read(checkpoint: Path) -> list[Stretch]:
    """The stretches until `checkpoint`, the earliest first."""
    return [Stretch(**entry) for entry in read_json(checkpoint / FILE, "hyperparameters of the checkpoint")]


def write(checkpoint: Path, stretches: Sequence[Stretch]) -> None:
    write_json(checkpoint / FILE, [asdict(stretch) for stretch in stretches])


def continued(stretches: Sequence[Stretch], step: int, values: Mapping[str, Any]) -> list[Stretch]:
    """`stretches`, and one more from the step after `step` on where `values` are others.

    A stretch in which no step was trained is dropped.
    """
    trained = [stretch for stretch in stretches if stretch.first_step <= step]
    same = trained and trained[-1].values == values
    return trained if same else [*trained, Stretch(step + 1, values)]


def at(stretches: Sequence[Stretch], step: int) -> Mapping[str, Any]:
    """The hyperparameters that `step` was trained with; those of the first one for step 0."""
    return next((each.values for each in reversed(stretches) if each.first_step <= step), stretches[0].values)


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Names that both know, with the value before and the value now, where these differ."""
    return {name: (before[name], now[name]) for name in now if name in before and before[name] != now[name]}


def compare(before: Mapping[str, Any], now: Mapping[str, Any], step: int) -> bool:
    """Log what changed since the checkpoint of `step` and what it does. Returns whether anything did.

    Raises:
        UserError: one changed that cannot in the midst of a training.
    """
    found = changes(before, now)
    fixed = (*FIXED, *FIXED_ON_PLATEAU) if now.get("lr_scheduler_type") == PLATEAU else FIXED
    for name, (old, new) in found.items():
        if name in fixed:
            raise UserError(
                f"hyperparameter {name} is {new}, but the checkpoint of step {step} was trained with {old}; expected "
                "the same in a resumed training: set it back, name another checkpoint location, or set resume to false"
            )
        if name in ROWS_OF_A_STEP:
            log.info("%s was %s until step %d and is %s now; a step keeps its rows", name, old, step, new)
        else:
            log.info("%s was %s until step %d and is %s from there on", name, old, step, new)
    return bool(found)
