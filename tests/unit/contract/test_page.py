"""Pages from templates: every value is text, a name that is missing is an error, and nothing is fetched."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jinja2 import TemplateRuntimeError, UndefinedError

from contract.page import environment, intcomma, name_value_rows, percent, render

ROOT = Path(__file__).parents[3]
PACKAGES = ("contract", "processing", "training", "inference")
TEMPLATES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.jinja"))
CSS = (ROOT / "contract" / "page.css.jinja").read_text()
DOCUMENT = """{% extends "page.html.jinja" %}
{% import "page_parts.html.jinja" as parts %}
{% block subtitle %}{{ subtitle }}{% endblock %}
{% block sections %}{{ parts.tiles([("9", "rows")]) }}{{ parts.legend(names) }}{% endblock %}
"""


class Reader(HTMLParser):
    """What a page names outside itself, and whether its elements are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attributes if name in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def parts() -> Any:
    """The macros that both reports use."""
    return environment(ROOT / "contract").get_template("page_parts.html.jinja").module


def written(folder: Path, template: str, **content: object) -> str:
    """What `template` makes of `content`."""
    file = folder / "test.html.jinja"
    file.write_text(template)
    return render(file, **content)


def test_a_document_is_whole_and_needs_nothing_else(tmp_path: Path) -> None:
    page = written(tmp_path, DOCUMENT, title="<Title>", subtitle="below & more", names=["x", "y"])
    reader = Reader()
    reader.feed(page)
    assert (reader.open, reader.addresses) == ([], [])
    assert page.startswith("<!doctype html>\n")
    assert "<h1>&lt;Title&gt;</h1>" in page and "below &amp; more" in page
    assert "default-src 'none'" in page
    assert CSS.partition("\n")[2] in page


def test_values_are_escaped_in_text_and_in_attributes(tmp_path: Path) -> None:
    found = written(tmp_path, '<b title="{{ title }}">{{ text }}</b>', title='"><img src=x>', text="<script>&\"'")
    assert found == '<b title="&#34;&gt;&lt;img src=x&gt;">&lt;script&gt;&amp;&#34;&#39;</b>'


@pytest.mark.parametrize("template", ["{{ missing }}", "{% if missing %}{% endif %}", "{{ given.missing }}"])
def test_a_name_that_is_missing_is_an_error(tmp_path: Path, template: str) -> None:
    with pytest.raises(UndefinedError, match="missing"):
        written(tmp_path, template, given={})


def test_a_page_without_its_sections_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TemplateRuntimeError, match="Required block 'subtitle' not found"):
        written(tmp_path, '{% extends "page.html.jinja" %}', title="Title")


def test_tables_escape_heads_and_cells_and_align_numbers(parts: Any) -> None:
    found = parts.table(["<a>", "n"], [["<b>", 1]], text_columns=1)
    assert "<a>" not in found and "<b>" not in found
    assert '<th class="word">&lt;a&gt;</th><th class="number">n</th>' in found
    assert '<td class="word">&lt;b&gt;</td><td class="number">1</td>' in found


def test_a_legend_has_the_colours_of_the_classes(parts: Any) -> None:
    assert re.findall(r'--class-(\d)\)"></i>(.*?)<', parts.legend(["a", "b&"])) == [("0", "a"), ("1", "b&amp;")]


def test_percentages_tell_little_from_none_and_much_from_all() -> None:
    assert [percent(part, 10_000) for part in (0, 1, 2054, 9_999, 10_000)] == ["0%", "<0.1%", "20.5%", ">99.9%", "100%"]
    assert percent(0, 0) == "0%"
    assert percent(0.25) == "25.0%"


def test_integers_have_commas() -> None:
    assert [intcomma(number) for number in (0, 999, 1234567, 822.7)] == ["0", "999", "1,234,567", "823"]


def test_values_are_spelled_as_json_but_for_text() -> None:
    assert name_value_rows({"a": "b", "c": [1], "d": None}) == [("a", "b"), ("c", "[1]"), ("d", "null")]


def test_every_colour_that_is_used_is_defined_in_light() -> None:
    light = CSS[: CSS.index("@media")]
    assert set(re.findall(r"var\((--[\w-]+)\)", CSS)) <= set(re.findall(r"(--[\w-]+):", light))


def test_blocks_are_closed_and_nothing_is_fetched() -> None:
    without_comment = CSS.partition("#}")[2]
    assert without_comment.count("{") == without_comment.count("}") > 50
    assert "url(" not in CSS and "@import" not in CSS


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda file: file.name)
def test_no_template_turns_escaping_off(template: Path) -> None:
    assert re.findall(r"\|\s*safe\b|autoescape|Markup", template.read_text()) == []


def test_no_module_writes_tags() -> None:
    tags = re.compile(r"</?(?:html|head|body|div|span|section|table|t[rdh]|h[1-6]|p|svg|rect|path)\b[^\n]*>")
    modules = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    found = {str(file.relative_to(ROOT)): tags.findall(file.read_text()) for file in modules}
    assert len(found) > 100
    assert {name: tags for name, tags in found.items() if tags} == {}
