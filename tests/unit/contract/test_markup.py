"""HTML by functions: what is text stays text."""

from __future__ import annotations

from contract.markup import Markup, element, joined, share, table


def test_text_is_escaped_and_markup_is_not() -> None:
    inner = element("b", "<script>&\"'", title='"><img src=x>')
    assert inner == '<b title="&quot;&gt;&lt;img src=x&gt;">&lt;script&gt;&amp;&quot;&#x27;</b>'
    assert element("p", inner, "<") == f"<p>{inner}&lt;</p>"
    assert joined([Markup("<br>"), "<br>"]) == "<br>&lt;br&gt;"


def test_attribute_names() -> None:
    assert (
        element("svg", class_="a", view_box="0", aria_label="b") == '<svg class="a" viewBox="0" aria-label="b"></svg>'
    )


def test_tables_escape_heads_and_cells() -> None:
    found = table(["<a>", "n"], [["<b>", 1]], [1])
    assert "<a>" not in found and "<b>" not in found
    assert '<td class="number">1</td>' in found


def test_shares_tell_little_from_none_and_much_from_all() -> None:
    assert [share(part, 10_000) for part in (0, 1, 2054, 9_999, 10_000)] == ["0%", "<0.1%", "20.5%", ">99.9%", "100%"]
    assert share(0, 0) == "0%"
