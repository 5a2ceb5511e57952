"""Warnings about the prepared data, at the end of the log and at the top of report.html."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from contract.card import MULTI_LABEL

# Rejected shares of two classes that differ by more than this are no coincidence to be silent about.
RATE_GAP = 0.02
# Fewer rejected rows of a class than this say nothing about its share.
LEAST_REJECTED = 5
MOST_NAMED = 5


def warnings(report: Mapping[str, Any]) -> list[str]:
    """One sentence for each finding, from the other sections of report.json."""
    return [
        *header(report["options"]),
        *classes(report["labels"] or {}, report["splits"], report["problem_type"] == MULTI_LABEL),
        *repeated_labels(report["repeated_labels"]),
        *numbers(report["numbers"] or {}),
        *reject_rates(report["rejected_by_class"], report["labels"] or {}),
        *equal_texts(report["equal_texts"]),
    ]


def header(options: Mapping[str, Any]) -> Iterator[str]:
    """A first line that is no row, though names of columns are given; other libraries take it for one then."""
    if options["column_names"] and not options["no_header"]:
        yield "--column-names replaces the header, the first line of each file; --no-header says that it is a row"


def classes(labels: Mapping[str, Mapping[str, int]], splits: Mapping[str, int], are_several: bool) -> Iterator[str]:
    """Only one class, or classes that a split lacks; `are_several` says that a row may have several labels, or none."""
    totals = {name: sum(split[name] for split in labels.values()) for name in next(iter(labels.values()), {})}
    present = [name for name, rows in totals.items() if rows]
    if are_several and not present:
        yield f"no kept row has any of the labels {named(list(totals))}: a model cannot learn from them"
    if len(present) == 1 and not are_several:
        yield f"all kept rows have the label {present[0]}: a model cannot learn from one class"
        return
    empty = [name for name, rows in totals.items() if not rows]
    if empty and present:
        yield f"no row has the label {named(empty)}"
    for split, rows in labels.items():
        missing = [name for name in present if not rows[name]]
        if missing and splits[split]:
            hint = "" if are_several else "; --stratify gives each split its share"
            yield f"split {split} has no row of the label {named(missing)}{hint}"


def repeated_labels(rows: int) -> Iterator[str]:
    """Rows that name a label several times."""
    if rows:
        yield f"{rows:,} rows have a label several times: it counts once"


def numbers(splits: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """The same number in all rows of regression."""
    if len({split[name] for split in splits.values() for name in ("smallest", "largest")}) == 1:
        yield "all kept rows have the same number as their label: a model cannot learn from it"


def named(names: list[str]) -> str:
    """The first of `names`, and how many there are more."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def reject_rates(rejected: Mapping[str, int], labels: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """Classes that lost another share of their rows to rejects than other classes did."""
    kept = {name: sum(split[name] for split in labels.values()) for name in next(iter(labels.values()), {})}
    rates = {name: rejected.get(name, 0) / max(rows + rejected.get(name, 0), 1) for name, rows in kept.items()}
    if len(rates) < 2:
        return
    lowest, highest = min(rates, key=rates.__getitem__), max(rates, key=rates.__getitem__)
    if rates[highest] - rates[lowest] > RATE_GAP and rejected.get(highest, 0) >= LEAST_REJECTED:
        yield (
            f"rejects differ by class: {rates[highest]:.1%} of the rows with the label {highest} were rejected, "
            f"{rates[lowest]:.1%} of those with {lowest}"
        )


def equal_texts(counts: Mapping[str, Any]) -> Iterator[str]:
    """Equal texts with different labels, and in different splits."""
    about = "about " if counts["estimated"] else ""
    if counts["conflicting_labels"]:
        yield (
            f"{about}{counts['conflicting_labels']:,} rows have a text that another row has with another label; "
            "--conflicts drops them or decides by majority"
        )
    for split in ("validation", "test"):
        if rows := counts[f"{split}_in_train"]:
            yield f"{about}{rows:,} rows of the split {split} have a text that is in train too: its scores are too good"
