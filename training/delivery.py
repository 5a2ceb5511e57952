"""The end of a job: loads the best weights, judges them, delivers model and results; the partial model at a stop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors import SafetensorError

from contract.failures import UserError
from contract.paths import Paths
from contract.versions import versions
from training import checkpoints, lora, model_folder, model_state, outputs, settings, sharding, verdict, verification
from training.base_model import BaseModel
from training.calibration import bins
from training.data import Channels
from training.hyperparameters import Hyperparameters
from training.metrics import say
from training.mistakes import worst
from training.report import Report
from training.stop import InterruptionError
from training.trainer import JobTrainer
from training.verdict import Verdict
from training.verification import Judged

SHOWN = ("learning_rate", "num_train_epochs", "per_device_train_batch_size", "warmup_steps", "weight_decay", "seed")

log = logging.getLogger(__name__)


def deliver(paths: Paths, trainer: JobTrainer, asked: Hyperparameters, channels: Channels, base: BaseModel) -> None:
    """Judge the best weights; the first rank writes the model, the metrics and the log lines."""
    step = load_delivered(trainer, asked)
    found = verdict.judge(trainer, channels, asked.options.decision_threshold)
    speed = trainer.speed()
    metrics = {**found.metrics, **speed}
    weights = sharding.whole_state(trainer)
    if trainer.is_world_process_zero():
        say(speed)
        result = replace(result_of(trainer, step, metrics), decision_threshold=found.threshold)
        outputs.write(paths.output_data, report_of(trainer, asked, channels, base, found, result))
        judged = Judged(channels.validation, found.predictions["validation"], channels.max_length)
        check = partial(verification.verify, judged=judged, args=trainer.args)
        write_model(paths.model, trainer, channels, base, result, weights, check)


def load_delivered(trainer: JobTrainer, asked: Hyperparameters) -> int:
    """Put the weights to deliver into the model on all ranks. Returns the step that they are of."""
    if trainer.diverged:
        return load_finite(trainer)
    return load_best(trainer) if asked.options.load_best_model_at_end else trainer.state.global_step


def report_of(
    trainer: JobTrainer,
    asked: Hyperparameters,
    channels: Channels,
    base: BaseModel,
    found: Verdict,
    result: model_folder.Result,
) -> Report:
    """What the page shows, the mistakes on the channel that judges last."""
    judged = {"validation": channels.validation} | ({"test": channels.test} if channels.test else {})
    last = list(found.predictions)[-1]
    in_force = settings.at(trainer.stretches, result.step)
    given = {**asdict(asked.options), **dict.fromkeys((*SHOWN, *asked.arguments))}
    origin = "from scratch" if base.from_scratch else f"from {base.name}"
    return Report(
        title=f"Trained {origin} on {len(channels.train.rows):,} rows; "
        f"these are the weights of step {result.step:,} of {result.steps:,}.",
        metrics=result.metrics,
        history=trainer.state.log_history,
        label_names=channels.train.label_names,
        matrices={name: each.matrix for name, each in found.predictions.items()},
        bins={name: bins(each) for name, each in found.predictions.items()},
        mistakes=worst(judged[last], found.predictions[last]),
        arguments={
            name: in_force.get(name, value) for name, value in given.items() if not name.endswith(settings.SECRET)
        },
        versions=versions(model_folder.LIBRARIES),
    )


def interrupt(paths: Paths, trainer: JobTrainer, seconds: float, channels: Channels, base: BaseModel) -> None:
    """End a stopped job: with what there is of a model, where `seconds` are left for it.

    That is the model of the best evaluation so far; before the first one, the current weights.

    Raises:
        InterruptionError: always, with the step of the checkpoint.
    """
    if trainer.is_world_process_zero():
        # A model takes as long as the model's part of a checkpoint, and a tokenizer a moment.
        if seconds > 2 * trainer.save_seconds + 1:
            deliver_partial(paths, trainer, channels, base)
        else:
            log.warning("%.0f s are left: no partial model is written", seconds)
    # A rank that leaves takes the others along.
    trainer.agreement.barrier()
    raise InterruptionError(trainer.saved or 0)


def deliver_partial(paths: Paths, trainer: JobTrainer, channels: Channels, base: BaseModel) -> None:
    """By the first rank alone, and without harm to the checkpoint where it fails."""
    try:
        best = best_checkpoint(trainer)
        step = checkpoints.step_of(best) if best else trainer.state.global_step
        result = result_of(trainer, step, metrics_of(trainer.state.log_history, step), partial=True)
        if best is None and sharding.is_sharded(trainer):
            best = trainer.root / f"{checkpoints.PREFIX}{trainer.saved}"
        weights = model_state.read(best) if best else None
        write_model(paths.model, trainer, channels, base, result, weights)
    except (OSError, SafetensorError, UserError) as error:
        log.warning("no partial model is written: %s", error)


def metrics_of(history: list[dict[str, Any]], step: int) -> dict[str, float]:
    """What the evaluation at `step` gave; empty where there was none."""
    entries = [entry for entry in history if entry["step"] == step]
    return {name: value for entry in entries for name, value in entry.items() if name.startswith("eval_")}


def result_of(
    trainer: JobTrainer, step: int, metrics: Mapping[str, float], partial: bool = False
) -> model_folder.Result:
    in_force = settings.at(trainer.stretches, step)
    shown: dict[str, Any] = {name: in_force[name] for name in SHOWN}
    return model_folder.Result(
        step, trainer.state.global_step, metrics, shown, trainer.args.world_size, trainer.resumed_from, partial
    )


def write_model(
    folder: Path,
    trainer: JobTrainer,
    channels: Channels,
    base: BaseModel,
    result: model_folder.Result,
    weights: dict[str, torch.Tensor] | None = None,
    check: Callable[[Path], None] = lambda _: None,
) -> None:
    """By the first rank: its model, or `weights` where these are others; only what passes `check` is published."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    if lora.is_adapted(model):
        model, weights = lora.merged(model, weights), None
    card = model_folder.card_of(channels.train, base, channels.max_length, trainer.args.seed)
    model_folder.write(folder, model, base, card, result, weights, check)


def load_best(trainer: JobTrainer) -> int:
    """Put the weights of the best evaluation into the model on all ranks. Returns their step."""
    found = best_checkpoint(trainer) if trainer.is_world_process_zero() else None
    return load_step(trainer, checkpoints.step_of(found) if found else 0) or trainer.state.global_step


def load_finite(trainer: JobTrainer) -> int:
    """Put the weights of the newest checkpoint that has no NaN into the model on all ranks. Returns their step.

    Raises:
        UserError: there is none.
    """
    step = 0
    if trainer.is_world_process_zero():
        usable = checkpoints.newest(trainer.root, infinite_weights)
        step = usable.step if usable else 0
    step = load_step(trainer, step)
    if not step:
        raise UserError("the training has diverged, and no checkpoint has weights that are all finite")
    return step


def infinite_weights(folder: Path) -> str:
    return "" if model_state.is_finite(model_state.read(folder)) else "its weights are not all finite"


def load_step(trainer: JobTrainer, step: int) -> int:
    """Put the weights of the first rank's checkpoint of `step` into the model on all ranks; none where it is 0.

    Args:
        step: as the first rank knows it.

    Returns:
        The first rank's `step`.
    """
    step = int(max(trainer.agreement.collect(step)))
    folder = trainer.root / f"{checkpoints.PREFIX}{step}"
    if not step:
        return 0
    if sharding.is_sharded(trainer):
        sharding.load(trainer, folder)
        return step
    model = trainer.accelerator.unwrap_model(trainer.model)
    if trainer.is_world_process_zero():
        model_state.load(model, folder)
    if trainer.args.world_size > 1:
        # Other hosts may not have the folder.
        for tensor in model.state_dict().values():
            dist.broadcast(tensor, src=0)
    return step


def best_checkpoint(trainer: JobTrainer) -> Path | None:
    """The checkpoint of the best evaluation; None where there was none, or the current weights are the best."""
    state = trainer.state
    best = state.best_global_step
    if not best or best == state.global_step:
        return None
    folder = trainer.root / f"{checkpoints.PREFIX}{best}"
    try:
        checkpoints.verify(folder)
    except UserError as error:
        log.warning("the best evaluation was at step %d, but its checkpoint cannot be used: %s", best, error)
        return None
    log.info(
        "the best evaluation was at step %d (%s = %s)", best, trainer.args.metric_for_best_model, state.best_metric
    )
    return folder
