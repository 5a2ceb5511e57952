"""The final evaluation of the delivered weights on validation and test, and at the decision threshold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from training.data.channel import Channels, by_length
from training.evaluation import calibration, decision_threshold
from training.evaluation.predictions import Predictions
from training.metrics import SCORES, confusion, say, scores
from training.trainer import JobTrainer


@dataclass(frozen=True)
class FinalEvaluation:
    """What an evaluation of the final weights gave.

    Attributes:
        metrics: by name, `eval_` on validation, `test_` on test.
        threshold: of class 1; None where decision_threshold is none.
        predictions: by channel, in the order of data.by_length.
    """

    metrics: Mapping[str, float]
    threshold: float | None
    predictions: Mapping[str, Predictions]


def judge(trainer: JobTrainer, channels: Channels, criterion: str, step: int) -> FinalEvaluation:
    """Evaluate on validation, and on test where there is one; called by all ranks.

    Args:
        criterion: the option decision_threshold.
        step: of the weights that the model has.
    """
    metrics, found = trainer.evaluate_at(step), {"validation": trainer.compute_metrics.take()}
    if channels.test is not None:
        metrics |= trainer.evaluate(by_length(channels.test), metric_key_prefix="test")
        found["test"] = trainer.compute_metrics.take()
    chosen = None if criterion == "none" else decision_threshold.choose(criterion, found["validation"])
    more = {name: value for channel in found for name, value in judged(channel, found[channel], chosen).items()}
    if chosen is not None:
        more["decision_threshold"] = chosen
    if trainer.is_world_process_zero():
        say(more)
    return FinalEvaluation({**metrics, **more}, chosen, found)


def judged(channel: str, found: Predictions, chosen: float | None) -> dict[str, float]:
    """The calibration error, and the scores at the threshold where there is one."""
    prefix = "eval" if channel == "validation" else channel
    named = {f"{prefix}_calibration_error": calibration.expected_error(found)}
    if chosen is not None:
        at = scores(confusion(found.labels, found.at(chosen), 2))
        named |= {f"{prefix}_{name}_at_threshold": at[name] for name in SCORES}
    return named
