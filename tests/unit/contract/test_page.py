from html.parser import HTMLParser

from contract.page import details, document, legend, plain, section, tiles


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


def test_a_document_is_whole_and_needs_nothing_else() -> None:
    blocks = [tiles([("9", "rows")]), section("A", legend(["x", "y"])), details("B", "text")]
    page = document("<Title>", "below & more", *blocks)
    reader = Reader()
    reader.feed(page)
    assert (reader.open, reader.addresses) == ([], [])
    assert "<h1>&lt;Title&gt;</h1>" in page and "below &amp; more" in page
    assert "default-src 'none'" in page.replace("&#x27;", "'")


def test_values_are_spelled_as_json_but_for_text() -> None:
    assert plain({"a": "b", "c": [1], "d": None}) == [("a", "b"), ("c", "[1]"), ("d", "null")]
