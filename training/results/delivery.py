"""What a job leaves: the best model with its metrics at the end, or what there is of it when it is stopped."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from contract.failures import UserError
from contract.options import declared
from contract.versions import versions
from training.checkpointing import best_checkpoint, hyperparameter_history, model_state, store
from training.distributed import sharding
from training.distributed.stopping import InterruptionError
from training.evaluation import final_evaluation
from training.evaluation.final_evaluation import FinalEvaluation
from training.metrics import say
from training.model import lora
from training.options import TrainingOptions
from training.results import delivered_weights, model_folder, onnx_files, outputs, verification
from training.results.html_report import Report
from training.results.verification import Judged
from training.results.worst_predictions import worst
from training.run import TrainingRun
from training.trainer import JobTrainer

SHOWN = ("learning_rate", "num_train_epochs", "per_device_train_batch_size", "warmup_steps", "weight_decay", "seed")

log = logging.getLogger(__name__)


def deliver(run: TrainingRun) -> None:
    """Judge the best weights; the first rank writes the model, the metrics and the log lines."""
    trainer, options = run.trainer, run.hyperparameters.options
    step = delivered_weights.load(trainer, options.load_best_model_at_end)
    found = final_evaluation.judge(trainer, run.channels, options, step)
    speed = trainer.speed()
    metrics = {**found.metrics, **speed}
    weights = sharding.whole_state(trainer)
    if trainer.is_world_process_zero():
        say(speed)
        result = replace(result_of(trainer, step, metrics), thresholds=found.thresholds, temperature=found.temperature)
        report = report_of(run, found, result)
        outputs.write(run.paths.output_data, report)
        judged = Judged(
            run.channels.validation, found.predictions["validation"], run.channels.max_length, options.truncation
        )
        exported: dict[str, float] = {}
        write_model(run, result, weights, partial(complete, run=run, judged=judged, exported=exported))
        if exported:
            say(exported)
            metrics |= exported
            outputs.write(run.paths.output_data, replace(report, metrics=metrics))
        if run.tracker is not None:
            run.tracker.log_metrics(metrics, step)
            run.tracker.log_files([*sorted(run.paths.output_data.iterdir()), *model_folder.described(run.paths.model)])


def complete(folder: Path, run: TrainingRun, judged: Judged, exported: dict[str, float]) -> None:
    """Verify the model folder before it is published, and add the ONNX files if configured.

    Args:
        exported: gets the metrics of the exported models.

    Raises:
        DeliveryError: the model in `folder` has other answers than the trained one.
    """
    verification.verify(folder, judged, run.trainer.args)
    if run.hyperparameters.options.export_onnx:
        exported |= onnx_files.add(folder, judged)


def report_of(run: TrainingRun, found: FinalEvaluation, result: model_folder.Result) -> Report:
    """What the page shows, the mistakes on the channel that judges last."""
    trainer, channels, base = run.trainer, run.channels, run.base
    judged = {"validation": channels.validation} | ({"test": channels.test} if channels.test else {})
    last = list(found.predictions)[-1]
    in_force = hyperparameter_history.at(trainer.stretches, result.step)
    # In force at the delivered step; what no step depends on, such as run_name, as it was given.
    given = {**asdict(run.hyperparameters.options), **dict.fromkeys(SHOWN), **run.hyperparameters.arguments}
    origin = "from scratch" if base.from_scratch else f"from {base.name}"
    return Report(
        title=f"Trained {origin} on {len(channels.train.rows):,} rows; "
        f"these are the weights of step {result.step:,} of {result.steps:,}.",
        metrics=result.metrics,
        history=trainer.state.log_history,
        label_names=channels.train.label_names,
        predictions=found.predictions,
        mistakes=worst(judged[last], found.predictions[last]),
        arguments={
            name: in_force.get(name, value)
            for name, value in given.items()
            if not name.endswith(hyperparameter_history.SECRET)
        },
        versions=versions(model_folder.LIBRARIES),
        thresholds=found.thresholds,
        temperature=found.temperature,
    )


def interrupt(run: TrainingRun, seconds: float) -> None:
    """End a stopped job: with what there is of a model, where `seconds` are left for it.

    That is the model of the best evaluation so far; before the first one, the current weights.

    Raises:
        InterruptionError: always, with the step of the checkpoint.
    """
    trainer = run.trainer
    if trainer.is_world_process_zero():
        # A model takes as long as the model's part of a checkpoint, and a tokenizer a moment.
        if seconds > 2 * trainer.save_seconds + 1:
            deliver_partial(run)
        else:
            log.warning("%.0f s are left: no partial model is written", seconds)
    # A rank that leaves takes the others along.
    trainer.agreement.barrier()
    raise InterruptionError(trainer.saved or 0)


def deliver_partial(run: TrainingRun) -> None:
    """By the first rank alone, and without harm to the checkpoint where it fails."""
    trainer = run.trainer
    try:
        best = best_checkpoint.usable(trainer)
        step = store.step_of(best) if best else trainer.state.global_step
        result = result_of(trainer, step, metrics_of(trainer.state.log_history, step), partial=True)
        if best is None and sharding.is_sharded(trainer):
            best = trainer.root / f"{store.PREFIX}{trainer.saved}"
        weights = model_state.read(best) if best else None
        write_model(run, result, weights)
    except (OSError, SafetensorError, UserError) as error:
        log.warning("no partial model is written: %s", error)


def metrics_of(history: list[dict[str, Any]], step: int) -> dict[str, float]:
    """What the evaluation at `step` gave; empty where there was none."""
    entries = [entry for entry in history if entry["step"] == step]
    return {name: value for entry in entries for name, value in entry.items() if name.startswith("eval_")}


def result_of(
    trainer: JobTrainer, step: int, metrics: Mapping[str, float], partial: bool = False
) -> model_folder.Result:
    in_force = hyperparameter_history.at(trainer.stretches, step)
    shown: dict[str, Any] = {name: in_force[name] for name in (*SHOWN, *changed_options(in_force))}
    return model_folder.Result(
        step, trainer.state.global_step, metrics, shown, trainer.args.world_size, trainer.resumed_from, partial
    )


def changed_options(in_force: Mapping[str, Any]) -> list[str]:
    """Names of the image's own hyperparameters that are not what they are by default, as JSON holds them."""
    defaults = {option.name: option.default for option in declared(TrainingOptions)}
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in defaults.items()}
    return [name for name, value in plain.items() if name in in_force and in_force[name] != value]


def write_model(
    run: TrainingRun,
    result: model_folder.Result,
    weights: dict[str, torch.Tensor] | None = None,
    check: Callable[[Path], None] = lambda _: None,
) -> None:
    """By the first rank: its model, or `weights` where these are others; only what passes `check` is published."""
    trainer, channels = run.trainer, run.channels
    model = trainer.accelerator.unwrap_model(trainer.model)
    if lora.is_adapted(model):
        model, weights = lora.merged(model, weights), None
    options = run.hyperparameters.options
    card = model_folder.card_of(
        *(channels.train, run.base, channels.max_length, trainer.args.seed),
        *(options.text_pair_column, options.truncation),
    )
    model_folder.write(run.paths.model, model, run.base, card, result, weights, check)
