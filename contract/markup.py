"""Functions that write HTML and SVG elements and tables, with every text escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(tag: str, *content: object, **attributes: object) -> Markup:
    """`<tag attribute="...">content</tag>`; underscores in attribute names are dashes, a last one is dropped."""
    shown = "".join(f' {spelled(name)}="{escape(str(value))}"' for name, value in attributes.items())
    return Markup(f"<{tag}{shown}>{joined(content)}</{tag}>")


def spelled(name: str) -> str:
    return "viewBox" if name == "view_box" else name.rstrip("_").replace("_", "-")


def joined(parts: Iterable[object]) -> Markup:
    """`parts` one after another."""
    return Markup("".join(part if isinstance(part, Markup) else escape(str(part)) for part in parts))


def table(heads: Iterable[str], rows: Iterable[Iterable[object]], numbers: Iterable[int] = ()) -> Markup:
    """A table that scrolls sideways where the screen is narrow.

    Args:
        numbers: columns to align at the right.
    """
    right = set(numbers)

    def line(tag: str, cells: Iterable[object]) -> Markup:
        shown = (element(tag, c, class_="number" if n in right else "word") for n, c in enumerate(cells))
        return element("tr", *shown)

    head = element("thead", line("th", heads))
    return element("div", element("table", head, element("tbody", *(line("td", row) for row in rows))), class_="scroll")


def count(number: int) -> str:
    return f"{number:,}"


def share(part: float, whole: float) -> str:
    """`part` of `whole` in percent, with as many digits as tell it from none and from all."""
    if not whole:
        return "0%"
    percent = 100 * part / whole
    if 0 < percent < 0.05 or 99.95 <= percent < 100:
        return "<0.1%" if percent < 1 else ">99.9%"
    return f"{percent:.0f}%" if percent in (0, 100) else f"{percent:.1f}%"
