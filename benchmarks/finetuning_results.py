"""Results of benchmarks/finetuning.py: a table, and the difference between the two ways with its standard error."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.measure import Run, median

IMAGE, TRAINER = "training image", "plain Trainer"
HEADS = ("precision", "way", "accuracy by seed", "mean", "delivered", "seconds (median)", "times", "peak memory")


@dataclass(frozen=True)
class Result:
    """One training.

    Attributes:
        precision: fp32 or bf16.
        seed: of both head and order of rows.
        way: IMAGE or TRAINER.
        accuracy: on the judged rows, after the last epoch.
        delivered: that of the model that was saved.
        seconds: wall clock of the whole process.
        peak: resident memory, bytes.
    """

    precision: str
    seed: int
    way: str
    accuracy: float
    delivered: float
    seconds: float
    peak: int

    @property
    def key(self) -> tuple[str, int, str]:
        return self.precision, self.seed, self.way


def difference(results: Sequence[Result]) -> tuple[float, float | None]:
    """Accuracy of the image minus that of Trainer: mean over the seeds and its standard error, in points.

    The standard error is that of the mean of paired differences; None where there is one seed.
    """
    by_seed = {(result.seed, result.way): 100 * result.accuracy for result in results}
    seeds = sorted({result.seed for result in results})
    gaps = [by_seed[seed, IMAGE] - by_seed[seed, TRAINER] for seed in seeds]
    error = statistics.stdev(gaps) / len(gaps) ** 0.5 if len(gaps) > 1 else None
    return statistics.mean(gaps), error


def medians(results: Sequence[Result]) -> dict[str, Run]:
    """Seconds and peak memory of each way."""
    return {
        way: median([Run(each.seconds, each.peak) for each in results if each.way == way]) for way in (IMAGE, TRAINER)
    }


def table(results: Sequence[Result]) -> str:
    """One line a precision and way, `times` over Trainer's seconds."""
    lines = ["| " + " | ".join(HEADS) + " |", "|---" * len(HEADS) + "|"]
    for precision in dict.fromkeys(result.precision for result in results):
        group = [result for result in results if result.precision == precision]
        runs = medians(group)
        for way, measured in runs.items():
            mine = sorted((result for result in group if result.way == way), key=lambda result: result.seed)
            cells = [precision, way, ", ".join(f"{each.accuracy:.3f}" for each in mine)]
            cells += [f"{statistics.mean(each.accuracy for each in mine):.4f}"]
            cells += [f"{statistics.mean(each.delivered for each in mine):.4f}", f"{measured.seconds:.0f}"]
            cells += [f"{runs[TRAINER].seconds / measured.seconds:.2f}", f"{measured.peak / 1e6:,.0f} MB"]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def summary(precision: str, results: Sequence[Result]) -> str:
    """One sentence on a precision."""
    gap, error = difference(results)
    runs = medians(results)
    ratio = runs[TRAINER].seconds / runs[IMAGE].seconds
    margin = "" if error is None else f", standard error {error:.2f}"
    return f"{precision}: accuracy {gap:+.2f} points against plain Trainer{margin}; {ratio:.2f} times as fast."
