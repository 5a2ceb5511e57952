"""Content of card.json and report.json (row counts, label balance, lengths, truncation, timing); the summary line."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from contract.card import REGRESSION, SINGLE_LABEL, Card, TokenizerReference
from contract.hosts import Hosts
from processing.report.findings import warnings
from processing.report.histogram import bins
from processing.row_counts import Counts, Statistics
from processing.rows.split import SPLITS

if TYPE_CHECKING:
    from processing.job import Job
    from processing.reading.query import Plan

REPORT_FILE = "report.json"
PERCENTILES = (5, 25, 50, 75, 95, 99, 100)
# Most files that report.html lists.
MOST_FILES = 100


def percentiles(histogram: NDArray[np.int64]) -> dict[str, int]:
    """For each p of PERCENTILES the smallest length that p percent of the rows do not exceed; empty without rows."""
    total = int(histogram.sum())
    if not total:
        return {}
    cumulative = np.cumsum(histogram)
    return {f"p{p}": int(np.searchsorted(cumulative, np.ceil(total * p / 100))) for p in PERCENTILES}


def lengths(statistics: Statistics, max_length: int) -> dict[str, Any]:
    """The section `lengths` of report.json."""
    rows = max(sum(statistics.rows.values()), 1)
    return {
        "unit": "tokens before truncation, special tokens included",
        "max_length": max_length,
        "percentiles": percentiles(statistics.full_lengths),
        "histogram": bins(statistics.full_lengths, max_length),
        "truncated_rows": statistics.truncated,
        "truncated_share": round(statistics.truncated / rows, 6),
        "tokens_written": statistics.tokens,
    }


def balance(
    statistics: Statistics, names: tuple[str, ...], problem_type: str = SINGLE_LABEL
) -> dict[str, dict[str, int]] | None:
    """The section `labels` of report.json: rows by split and class name; None for unlabelled rows and numbers."""
    if not names or problem_type == REGRESSION:
        return None
    return {
        split: {name: counts[number] for number, name in enumerate(names)}
        for split, counts in statistics.classes.items()
    }


def numbers(statistics: Statistics) -> dict[str, dict[str, float]] | None:
    """The section `numbers` of report.json, for regression: smallest, largest and mean label by split."""
    return {
        split: {"smallest": found.smallest, "largest": found.largest, "mean": found.total / found.rows}
        for split, found in statistics.numbers.items()
    } or None


def repeats(statistics: Statistics) -> dict[str, int]:
    """The copies of rows, and the rows that name a label several times, in report.json."""
    return {"repeated_rows": statistics.repeated, "repeated_labels": statistics.repeated_labels}


def by_name(rows: Mapping[int, int], names: tuple[str, ...]) -> dict[str, int]:
    """Rows by class number as rows by class name."""
    return {names[number]: count for number, count in sorted(rows.items())}


def timing(seconds: float, rows: int) -> dict[str, float]:
    """The section `time` of report.json."""
    return {"seconds": round(seconds, 3), "rows_per_second": round(rows / max(seconds, 1e-9), 1)}


def files(by_file: Mapping[str, Counts]) -> list[dict[str, Any]]:
    """The section `files` of report.json: row counts of each file."""
    return [{"file": name, **counts.as_json()} for name, counts in by_file.items()]


def host(hosts: Hosts, is_sharded: bool, has_whole_files: bool) -> dict[str, Any]:
    """This host and its part of the input, for report.json."""
    return {
        "name": hosts.current,
        "of": hosts.count,
        "sharded_input": is_sharded,
        "whole_files": has_whole_files,
    }


def summary(card: Card, seconds: float) -> str:
    """The log line at the end of the job."""
    counts = card.rows
    splits = ", ".join(f"{rows:,} {name}" for name, rows in card.splits.items())
    dropped = f"{sum(counts.filtered.values()):,} filtered, {sum(counts.rejected.values()):,} rejected"
    rate = counts.read / max(seconds, 1e-9)
    return (
        f"{counts.read:,} rows read, {dropped}, {counts.kept:,} kept ({splits}) in {seconds:.1f} s, {rate:,.0f} rows/s"
    )


def card(job: Job, plan: Plan, counts: Counts) -> Card:
    """The content of card.json."""
    options, origin = job.options, job.reports.origin(job.tokenizer)
    return Card(
        text_column=plan.chosen.text or "text",
        label_names=plan.labels.names or (),
        tokenizer=TokenizerReference(str(options.tokenizer), origin.fingerprint),
        max_length=options.max_length,
        seed=options.seed,
        splits={name: job.job_counts.statistics.rows[name] for name in SPLITS},
        rows=counts.rows(),
        versions=origin.versions,
        problem_type=plan.labels.problem_type,
        text_pair_column=plan.chosen.pair,
        truncation=options.truncation,
    )


def content(job: Job, card: Card, counts: Counts, rejects_listed: int) -> dict[str, Any]:
    """The content of report.json; `rejects_listed` is the number of rows in rejects.jsonl."""
    report = {
        "rows": {**counts.as_json(), "rejects_listed": rejects_listed},
        "splits": card.splits,
        "problem_type": card.problem_type,
        "numbers": numbers(job.job_counts.statistics),
        "labels": balance(job.job_counts.statistics, card.label_names, card.problem_type),
        "lengths": lengths(job.job_counts.statistics, job.options.max_length),
        "rejected_by_class": by_name(counts.rejected_classes, card.label_names),
        "equal_texts": job.job_counts.equal_texts.counted(),
        "near_duplicates": job.similar or None,
        **repeats(job.job_counts.statistics),
        "tokenizing": {**job.loading.encoder.summary(), "differences": job.differences},
        "time": timing(time.monotonic() - job.started, counts.read),
        "files": files(job.job_counts.by_file),
        "files_passed_over": list(job.skipped),
        "host": host(job.hosts, job.sharded, job.own is not None),
        "options": asdict(job.options),
        "versions": card.versions,
    }
    return {"warnings": warnings(report), **report}


def shown(report: Mapping[str, Any]) -> dict[str, Any]:
    """The `content` that report.html shows: of files the first MOST_FILES, and their number."""
    first = {name: report[name][:MOST_FILES] for name in ("files", "files_passed_over")}
    return {**report, **first, "number_of_files": len(report["files"])}
