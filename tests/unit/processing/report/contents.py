"""The content of a report.json, as report.html shows it, and sample rows."""

from __future__ import annotations

from typing import Any

from processing.report.row_samples import RowSample

# Text that HTML would not show as it is.
EVIL = "<script>alert('x')</script>\"><img src=http://e.vil/x onerror=a>"


def report(labels: dict[str, dict[str, int]] | None = None, rejected: int = 5) -> dict[str, Any]:
    bins = [{"first": 0, "last": 8, "rows": 600, "longer": 0}, {"first": 9, "last": 20, "rows": 300, "longer": 300}]
    rows = {"read": 1234, "kept": 900, "filtered": {"where": 329}, "rejected": {EVIL: rejected}, "other_hosts": 0}
    if not rejected:
        rows |= {"read": 900, "filtered": {}, "rejected": {}}
    return {
        "warnings": [f"label {EVIL}"],
        "near_duplicates": {"groups": 3, "rows": 2000, "validation_near_train": 17, "test_near_train": 1018},
        "rows": rows,
        "splits": {"train": 700, "validation": 100, "test": 100},
        "labels": labels,
        "numbers": None,
        "lengths": {
            "max_length": 8,
            "percentiles": {"p50": 5, "p100": 20},
            "histogram": bins,
            "truncated_rows": 300,
            "truncated_share": 0.3333,
            "tokens_written": 7777,
        },
        "time": {"seconds": 1.5, "rows_per_second": 822.7},
        "files": [{"file": f"{EVIL}{n}.tsv", **rows} for n in range(100)],
        "number_of_files": 120,
        "files_passed_over": [EVIL],
        "host": {"name": "algo-1", "of": 2, "sharded_input": False},
        "options": {"where": EVIL, "columns": ("a",), "near_duplicates": 0.8, "near_duplicate_rows": "group"},
        "versions": {"image": EVIL},
    }


def sample(split: str, *texts: str, label: Any = 0, tokens: int = 9, is_truncated: bool = False) -> RowSample:
    return RowSample(split=split, texts=texts, label=label, tokens=tokens, is_truncated=is_truncated)
