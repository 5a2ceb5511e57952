"""report.html of processing: tiles, Sankey diagram, filter reasons, class balance, lengths, sample rows, files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from contract.markup import Markup, count, element, joined, share, table
from contract.page import details, document, legend, plain, section, tiles
from processing.report.histogram import picture
from processing.report.row_samples import RowSample
from processing.report.sankey import flow

COLOURS, MOST_CLASSES, MOST_FILES = 8, 60, 100


def page(report: Mapping[str, Any], label_names: Sequence[str], row_samples: Mapping[str, Sequence[RowSample]]) -> str:
    """The page for `report`, the content of report.json."""
    sections = [
        figures(report),
        element("div", flow_section(report), reasons_section(report["rows"]), class_="pair"),
        element("div", lengths_section(report["lengths"]), balance_section(report["labels"]), class_="pair"),
        excerpts_section(row_samples, label_names),
        files_section(report["files"], report["files_passed_over"]),
        details("Options", table(("option", "value"), plain(report["options"]))),
        details("Versions", table(("of", "version"), plain(report["versions"]))),
    ]
    return document("Prepared splits", subtitle(report), *sections)


def subtitle(report: Mapping[str, Any]) -> str:
    host, time = report["host"], report["time"]
    files = len(report["files"])
    words = f"{files:,} input {'file' if files == 1 else 'files'}, {time['seconds']:.1f} s, "
    words += f"{time['rows_per_second']:,.0f} rows/s"
    if host["of"] > 1:
        words = f"Host {host['name']} of {host['of']}, {words}. The other hosts have reports of their own."
    return words


def figures(report: Mapping[str, Any]) -> Markup:
    rows, lengths = report["rows"], report["lengths"]
    shown = (
        (count(rows["read"]), "rows read"),
        (count(rows["kept"]), f"kept, {share(rows['kept'], rows['read'])}"),
        (count(sum(rows["rejected"].values())), "rejected"),
        (count(lengths["tokens_written"]), "tokens written"),
        (share(lengths["truncated_share"], 1), f"truncated at {lengths['max_length']}"),
    )
    return tiles(shown)


def flow_section(report: Mapping[str, Any]) -> Markup:
    return section("Where the rows went", flow(report["rows"], report["splits"]))


def reasons_section(rows: Mapping[str, Any]) -> Markup:
    found = [("filtered", "cut", *entry) for entry in rows["filtered"].items()]
    found += [("rejected", "lost", *entry) for entry in rows["rejected"].items()]
    if not found:
        return section("Filtered and rejected rows", element("p", "None: every row was kept."))
    bars = [
        bar(
            joined([reason, " ", element("span", fate, class_="tag")]),
            number,
            rows["read"],
            [(number / rows["read"], kind)],
        )
        for fate, kind, reason, number in sorted(found, key=lambda entry: -entry[3])
    ]
    told = "rejects.jsonl beside this file names file, line and column of each rejected row."
    return section(
        "Filtered and rejected rows", *bars, *([element("p", told, class_="soft")] if rows["rejected"] else [])
    )


def bar(name: object, rows: int, whole: int, parts: Iterable[tuple[float, str]]) -> Markup:
    """A name, its rows, and a bar of parts: shares of the width, each with the name of its colour."""
    head = element("div", element("span", name), element("span", f"{count(rows)} ({share(rows, whole)})"))
    pieces = (
        element("i", style=f"width:{100 * part:.3f}%;background:var(--{kind})") for part, kind in parts if part > 0
    )
    return element("div", head, element("div", *pieces, class_="track"), class_="bar")


def balance_section(labels: Mapping[str, Mapping[str, int]] | None) -> Markup:
    """Rows of each class in each split; nothing for unlabelled data."""
    if not labels:
        return Markup("")
    names = list(next(iter(labels.values())))
    total = sum(sum(classes.values()) for classes in labels.values())
    shown = names[:MOST_CLASSES]
    rows = [[name, *(cell(classes[name], sum(classes.values())) for classes in labels.values())] for name in shown]
    parts = [table(["class", *labels], rows, range(1, len(labels) + 1))]
    if len(names) <= COLOURS:
        parts = [legend(names), *(split_bar(split, classes, total) for split, classes in labels.items()), *parts]
    if len(names) > len(shown):
        parts.append(element("p", f"and {len(names) - len(shown):,} more classes: report.json has them", class_="soft"))
    return section("Classes in each split", *parts)


def split_bar(split: str, classes: Mapping[str, int], total: int) -> Markup:
    rows = sum(classes.values())
    parts = ((number / max(rows, 1), f"class-{place}") for place, number in enumerate(classes.values()))
    return bar(split, rows, total, parts)


def cell(rows: int, whole: int) -> str:
    return f"{count(rows)} ({share(rows, whole)})"


def lengths_section(lengths: Mapping[str, Any]) -> Markup:
    if not lengths["histogram"]:
        return section("Length of the rows", element("p", "No row was kept."))
    most, limit = lengths["percentiles"]["p100"], lengths["max_length"]
    told = f"Half of the rows have at most {count(lengths['percentiles']['p50'])} tokens, the longest {count(most)}. "
    told += (
        f"max_length {limit} cuts {count(lengths['truncated_rows'])} rows ({share(lengths['truncated_share'], 1)})."
        if most > limit
        else f"max_length {limit} cuts none."
    )
    return section("Length of the rows", picture(lengths["histogram"], lengths), element("p", told, class_="soft"))


def excerpts_section(row_samples: Mapping[str, Sequence[RowSample]], names: Sequence[str]) -> Markup:
    rows = [excerpt_row(row, names) for found in row_samples.values() for row in found]
    return section("Some rows, shortened", *rows) if rows else Markup("")


def excerpt_row(row: RowSample, names: Sequence[str]) -> Markup:
    tags = [element("span", row.split, class_="tag")]
    if row.number is not None:
        tags.append(element("span", names[row.number], class_="tag"))
    tags.append(element("span", f"{count(row.tokens)} tokens", class_="tag"))
    if row.is_truncated:
        tags.append(element("span", "truncated", class_="tag cut"))
    return element("div", *tags, element("p", row.text), class_="row")


def files_section(files: Sequence[Mapping[str, Any]], passed_over: Sequence[str]) -> Markup:
    rows = [
        [file["file"], count(file["read"]), count(file["kept"]), *(count(sum(file[f].values())) for f in LEFT_OUT)]
        for file in files[:MOST_FILES]
    ]
    notes = []
    if len(files) > MOST_FILES:
        notes.append(element("p", f"and {len(files) - MOST_FILES:,} more files: report.json has them", class_="soft"))
    if passed_over:
        names = ", ".join(passed_over[:MOST_FILES])
        notes.append(element("p", f"Passed over, empty or of no known format: {names}", class_="soft word"))
    return details("Files", table(("file", "read", "kept", *LEFT_OUT), rows, range(1, 5)), *notes)


LEFT_OUT = ("filtered", "rejected")
