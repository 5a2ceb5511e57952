"""The final evaluation of the delivered weights on validation and test, and at the decision threshold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from contract.card import REGRESSION
from training.data.channel import Channels, by_length
from training.evaluation import calibration, decision_threshold
from training.evaluation import temperature as temperature_scaling
from training.evaluation.predictions import Predictions
from training.evaluation.scores import of_decisions
from training.metrics import say
from training.options import TrainingOptions
from training.trainer import JobTrainer


@dataclass(frozen=True)
class FinalEvaluation:
    """What an evaluation of the final weights gave.

    Attributes:
        metrics: by name, `eval_` on validation, `test_` on test.
        thresholds: (1,) of class 1, or (labels,); None where decision_threshold is none.
        predictions: by channel, in the order of data.by_length, before temperature scaling.
        temperature: that logits are divided by; None where temperature_scaling is false.
    """

    metrics: Mapping[str, float]
    thresholds: np.ndarray | None
    predictions: Mapping[str, Predictions]
    temperature: float | None = None


def judge(trainer: JobTrainer, channels: Channels, options: TrainingOptions, step: int) -> FinalEvaluation:
    """Evaluate on validation, and on test where there is one; called by all ranks.

    Args:
        options: of which decision_threshold and temperature_scaling decide.
        step: of the weights that the model has.
    """
    metrics, found = trainer.evaluate_at(step), {"validation": trainer.compute_metrics.take()}
    if channels.test is not None:
        metrics |= trainer.evaluate(by_length(channels.test), metric_key_prefix="test")
        found["test"] = trainer.compute_metrics.take()
    temperature = temperature_scaling.choose(found["validation"]) if options.temperature_scaling else None
    scaled = {name: each.scaled(temperature) if temperature else each for name, each in found.items()}
    criterion = options.decision_threshold
    chosen = None if criterion == "none" else decision_threshold.choose(criterion, scaled["validation"])
    more = {name: value for channel in found for name, value in judged(channel, found[channel]).items()}
    for channel, each in scaled.items():
        more |= judged_anew(channel, each, chosen, temperature)
    if chosen is not None and len(chosen) == 1:
        more["decision_threshold"] = float(chosen[0])
    if temperature is not None:
        more["temperature"] = temperature
    if trainer.is_world_process_zero():
        say(more)
    return FinalEvaluation({**metrics, **more}, chosen, found, temperature)


def judged(channel: str, found: Predictions) -> dict[str, float]:
    """The calibration error, where there are probabilities."""
    if found.problem_type == REGRESSION:
        return {}
    return {f"{prefix(channel)}_calibration_error": calibration.expected_error(found)}


def judged_anew(
    channel: str, scaled: Predictions, thresholds: np.ndarray | None, temperature: float | None
) -> dict[str, float]:
    """The calibration error after temperature scaling, and the scores at the thresholds, where there are such."""
    named = {}
    if temperature is not None:
        named[f"{prefix(channel)}_calibration_error_scaled"] = calibration.expected_error(scaled)
    if thresholds is not None:
        at = of_decisions(scaled, scaled.at(thresholds))
        named |= {f"{prefix(channel)}_{name}_at_threshold": value for name, value in at.items()}
    return named


def prefix(channel: str) -> str:
    return "eval" if channel == "validation" else channel
