"""Results of benchmarks/finetuning.py: table, and difference between the two programs with its standard error."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.measure import Run, median

IMAGE, TRAINER = "training image", "plain Trainer"
HEADS = ("precision", "program", "{} by seed", "mean ± std", "delivered", "seconds (median)", "speed-up", "peak memory")


@dataclass(frozen=True)
class Result:
    """The result of one training.

    Attributes:
        precision: fp32 or bf16.
        seed: seed of the classification head and of the order of rows.
        program: IMAGE or TRAINER.
        score: the task's metric on validation after the last epoch.
        delivered: the same of the saved model.
        seconds: wall clock time of the whole process.
        peak: peak resident memory in bytes.
    """

    precision: str
    seed: int
    program: str
    score: float
    delivered: float
    seconds: float
    peak: int

    @property
    def key(self) -> tuple[str, int, str]:
        """Precision, seed and program, which identify a training."""
        return self.precision, self.seed, self.program


def difference(results: Sequence[Result]) -> tuple[float, float | None]:
    """Score of the image minus that of Trainer, in points (hundredths): mean over the seeds, and its standard error.

    The standard error is that of the mean of paired differences; None for a single seed.
    """
    by_seed = {(result.seed, result.program): 100 * result.score for result in results}
    seeds = sorted({result.seed for result in results})
    gaps = [by_seed[seed, IMAGE] - by_seed[seed, TRAINER] for seed in seeds]
    error = statistics.stdev(gaps) / len(gaps) ** 0.5 if len(gaps) > 1 else None
    return statistics.mean(gaps), error


def medians(results: Sequence[Result]) -> dict[str, Run]:
    """Median seconds and peak memory of each program."""
    return {
        program: median([Run(result.seconds, result.peak) for result in results if result.program == program])
        for program in (IMAGE, TRAINER)
    }


def table(results: Sequence[Result], metric: str = "accuracy") -> str:
    """A Markdown table with one row per precision and program; speed-up is relative to Trainer's seconds."""
    lines = ["| " + " | ".join(HEADS).format(metric) + " |", "|---" * len(HEADS) + "|"]
    for precision in dict.fromkeys(result.precision for result in results):
        group = [result for result in results if result.precision == precision]
        runs = medians(group)
        for program, measured in runs.items():
            rows = sorted((result for result in group if result.program == program), key=lambda result: result.seed)
            cells = [precision, program, ", ".join(f"{row.score:.3f}" for row in rows)]
            cells += [mean_and_deviation([row.score for row in rows])]
            cells += [f"{statistics.mean(row.delivered for row in rows):.4f}", f"{measured.seconds:.0f}"]
            cells += [f"{runs[TRAINER].seconds / measured.seconds:.2f}", f"{measured.peak / 1e6:,.0f} MB"]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def mean_and_deviation(scores: Sequence[float]) -> str:
    """The mean, and where there are several scores their standard deviation."""
    mean = f"{statistics.mean(scores):.4f}"
    return mean if len(scores) < 2 else f"{mean} ± {statistics.stdev(scores):.4f}"


def summary(precision: str, results: Sequence[Result], metric: str = "accuracy") -> str:
    """One sentence with the differences for one precision."""
    gap, error = difference(results)
    runs = medians(results)
    ratio = runs[TRAINER].seconds / runs[IMAGE].seconds
    margin = "" if error is None else f", standard error {error:.2f}"
    return f"{precision}: {metric} {gap:+.2f} points against plain Trainer{margin}; {ratio:.2f} times as fast."
