"""report.html has the figures of report.json, needs no other files, and escapes text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from jinja2 import UndefinedError
from unit.processing.report.contents import EVIL, report, sample

from processing.report.html_report import page

VOID = {"meta", "br", "img", "link"}


class Checker(HTMLParser):
    """Counts tags, and finds ones that do not match."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        assert not {name for name, _ in attrs} & {"src", "href", "onerror", "onload"}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_names_values_and_rows_are_text() -> None:
    labels = {split: {EVIL: 300, "b": 400} for split in ("train", "validation", "test")}
    shown = page(report(labels), [EVIL, "b"], {"train": [sample("train", EVIL, is_truncated=True)]})
    checker = Checker()
    checker.feed(shown)
    assert checker.open == []
    assert not checker.seen & {"script", "img", "link", "iframe"}
    assert {"svg", "table", "details"} <= checker.seen
    assert "<script" not in shown and shown.count("&lt;script&gt;") > 100


def test_a_class_and_a_review_are_escaped_and_not_dropped() -> None:
    labels = {split: {EVIL: 300, "b": 400} for split in ("train", "validation", "test")}
    shown = page(report(labels), [EVIL, "b"], {"test": [sample("test", f"review {EVIL}")]})
    text = EVIL.replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#39;").replace('"', "&#34;")
    assert f"<p>review {text}</p>" in shown
    assert f'<span class="tag">{text}</span>' in shown
    assert f'<td class="word">{text}</td>' in shown


@pytest.mark.parametrize(
    ("label", "names", "shown_tags"),
    [
        ([1.0, 0.0, 1.0], ["toxic", "rude", "threat"], ["toxic", "threat"]),
        ([0.0, 0.0], ["toxic", "rude"], ["none of the labels"]),
        (0.125, ["LABEL_0"], ["0.125"]),
        (1, ["no", "yes"], ["yes"]),
    ],
)
def test_a_pair_is_shown_with_both_texts_and_each_row_with_its_labels(
    label: Any, names: list[str], shown_tags: list[str]
) -> None:
    shown = page(report(None), names, {"train": [sample("train", "a question", "an answer", label=label)]})
    row = shown[shown.index("Some rows, shortened") :].split("</section>")[0]
    assert re.findall(r"<p>(.*?)</p>", row) == ["a question", "an answer"]
    assert re.findall(r'<span class="tag">(.*?)</span>', row) == ["train", *shown_tags, "9 tokens"]


def test_a_figure_that_report_json_lacks_is_an_error() -> None:
    lacking = report(None)
    del lacking["lengths"]["tokens_written"]
    with pytest.raises(UndefinedError, match="tokens_written"):
        page(lacking, [], {})


def test_the_figures_are_shown() -> None:
    labels = {"train": {"NEGATIVE": 251, "POSITIVE": 449}, "validation": {"NEGATIVE": 0, "POSITIVE": 100}}
    shown = page(report(labels), ["NEGATIVE", "POSITIVE"], {})
    text = re.sub(r"<[^>]+>", " ", shown)
    for words in ("1,234", "900", "72.9%", "7,777", "33.3%", "251 (35.9%)", "449 (64.1%)", "329 (26.7%)", "5 (0.4%)"):
        assert words in text
    assert "Host algo-1 of 2" in text
    assert "and 20 more files" in text


def test_numbers_of_regression_are_a_table() -> None:
    numbers = {"train": {"smallest": -1.5, "largest": 2.25, "mean": 1 / 3}}
    shown = page(report(None) | {"numbers": numbers}, ["LABEL_0"], {})
    assert re.findall(r"<td[^>]*>(train|-1.5|2.25|0.333333)</td>", shown) == ["train", "-1.5", "2.25", "0.333333"]


def test_absent_sections_are_not_shown() -> None:
    shown = page(report(None, rejected=0), [], {"train": [sample("train", "some text", label=None, tokens=3)]})
    assert "Classes in each split" not in shown
    assert "None: every row was kept" in shown
    assert "some text" in shown
    nothing = report(None)
    nothing["lengths"] |= {"histogram": [], "percentiles": {}}
    assert "No row was kept" in page(nothing, [], {})


def test_many_classes_are_shown_as_a_table_only() -> None:
    names = [f"class {n}" for n in range(100)]
    shown = page(report({"train": dict.fromkeys(names, 7)}), names, {})
    assert "class 59" in shown and "class 60" not in shown
    assert "and 40 more classes" in shown
    assert 'class="legend"' not in shown


def test_warnings_are_at_the_top_where_there_are_some() -> None:
    shown = page(report(), (), {})
    assert shown.index("<h2>Warnings</h2>") < shown.index("Where the rows went")
    assert "<h2>Warnings</h2>" not in page(report() | {"warnings": []}, (), {})


def test_the_leak_without_grouping_is_shown() -> None:
    shown = " ".join(page(report(), (), {}).split())
    assert "17 rows of validation and 1,018 rows of test would have had a near-duplicate in train" in shown
    assert "All rows of a group are in the same split" in shown
    assert "Near-duplicates" not in page(report() | {"near_duplicates": None}, (), {})
