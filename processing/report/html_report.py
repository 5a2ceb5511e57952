"""report.html of processing: what its template shows of report.json, and sample rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contract.page import compiled, intcomma, name_value_rows, percent, render
from processing.report import histogram, sankey

if TYPE_CHECKING:
    from processing.report.row_samples import RowSample

TEMPLATE = Path(__file__).with_suffix(".html.jinja")
COLOURS, MOST_CLASSES = 8, 60
LEFT_OUT = ("filtered", "rejected")
ClassCounts = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Bar:
    """A name with its rows, and a bar of parts.

    Attributes:
        whole: what `rows` are a share of.
        parts: shares of the bar's width, each with the name of its colour.
        tag: beside the name.
    """

    name: str
    rows: int
    whole: int
    parts: Sequence[tuple[float, str]]
    tag: str = ""


def compile_templates() -> None:
    """Compile the templates of the page, so that `page` does not wait for it."""
    compiled(TEMPLATE.parent)


def page(report: Mapping[str, Any], label_names: Sequence[str], row_samples: Mapping[str, Sequence[RowSample]]) -> str:
    """The page for `report`, which is json_report.shown of the content of report.json."""
    labels = report["labels"] or {}
    return render(
        TEMPLATE,
        report=report,
        flow=sankey.layout(report["rows"], report["splits"]),
        lengths_histogram=histogram.layout(report["lengths"]),
        reasons=reason_bars(report["rows"]),
        split_names=list(labels),
        class_names=class_names(labels),
        class_rows=class_rows(labels),
        split_bars=split_bars(labels),
        number_rows=number_rows(report["numbers"] or {}),
        row_samples=[(row, tags(row["label"], label_names)) for row in chain.from_iterable(row_samples.values())],
        left_out=LEFT_OUT,
        file_rows=file_rows(report["files"]),
        passed_over=report["files_passed_over"],
        options=name_value_rows(report["options"]),
        versions=name_value_rows(report["versions"]),
    )


def tags(label: float | Sequence[float] | None, names: Sequence[str]) -> list[str]:
    """The labels of a sample row in words: the names of its classes, or the number of regression."""
    if label is None:
        return []
    if isinstance(label, int):
        return [names[label]]
    if isinstance(label, float):
        return [f"{label:.6g}"]
    return [name for name, has in zip(names, label, strict=True) if has] or ["none of the labels"]


def reason_bars(rows: Mapping[str, Any]) -> list[Bar]:
    """A bar for each reason of filtered and rejected rows, the most frequent first."""
    colours = zip(LEFT_OUT, ("cut", "lost"), strict=True)
    found = [
        Bar(reason, number, rows["read"], [(number / rows["read"], colour)], tag=fate)
        for fate, colour in colours
        for reason, number in rows[fate].items()
    ]
    return sorted(found, key=lambda bar: -bar.rows)


def class_names(labels: ClassCounts) -> list[str]:
    return list(next(iter(labels.values()), {}))


def class_rows(labels: ClassCounts) -> list[list[str]]:
    """The table of classes: the name of each, and its rows in each split."""
    return [
        [name, *(rows_and_share(classes[name], sum(classes.values())) for classes in labels.values())]
        for name in class_names(labels)[:MOST_CLASSES]
    ]


def number_rows(numbers: Mapping[str, Mapping[str, float]]) -> list[list[str]]:
    """The table of the numbers of regression: smallest, largest and mean of each split."""
    return [[split, *(f"{number:.6g}" for number in found.values())] for split, found in numbers.items()]


def rows_and_share(rows: int, whole: int) -> str:
    return f"{intcomma(rows)} ({percent(rows, whole)})"


def split_bars(labels: ClassCounts) -> list[Bar]:
    """A bar for each split, with a part for each class; none where classes are more than colours."""
    if len(class_names(labels)) > COLOURS:
        return []
    total = sum(sum(classes.values()) for classes in labels.values())
    return [split_bar(split, classes, total) for split, classes in labels.items()]


def split_bar(split: str, classes: Mapping[str, int], total: int) -> Bar:
    rows = sum(classes.values())
    parts = [(number / max(rows, 1), f"class-{place}") for place, number in enumerate(classes.values())]
    return Bar(split, rows, total, parts)


def file_rows(files: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """The table of files: each with its rows read, kept, filtered and rejected."""
    return [
        [
            file["file"],
            *(intcomma(file[name]) for name in ("read", "kept")),
            *(intcomma(sum(file[name].values())) for name in LEFT_OUT),
        ]
        for file in files
    ]
