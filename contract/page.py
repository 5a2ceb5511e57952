"""Building blocks of both reports' HTML page: document, tiles, sections, collapsible details, legends."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from contract.markup import Markup, element, joined
from contract.style import STYLE

PAGE_FILE = "report.html"
# No script, no network: the page may hold text that somebody else wrote.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def document(title: str, words: str, *sections: Markup) -> str:
    """The file: a heading, a soft line below it, and `sections`."""
    head = joined(
        [
            Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
            Markup(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
            element("title", title),
            element("style", Markup(STYLE)),
        ]
    )
    body = element("body", element("main", element("h1", title), element("p", words, class_="soft"), *sections))
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>{body}</html>\n'


def tiles(shown: Iterable[tuple[str, str]]) -> Markup:
    """The main figures, each with its name below it."""
    blocks = (element("div", element("b", number), element("span", name)) for number, name in shown)
    return element("div", *blocks, class_="figures")


def section(title: str, *content: object) -> Markup:
    return element("section", element("h2", title), *content)


def details(title: str, *content: object) -> Markup:
    """A section that opens on a click."""
    return element("details", element("summary", title), *content)


def legend(names: Iterable[str]) -> Markup:
    """Names with the colours of the classes, in order."""
    shown = (
        element("span", element("i", style=f"background:var(--class-{number})"), name)
        for number, name in enumerate(names)
    )
    return element("div", *shown, class_="legend")


def plain(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Rows of a table of names and values."""
    return [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in values.items()]
