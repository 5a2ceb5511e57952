"""Lines of files without quotes: their ends, their number, and lines that a carriage return would tear."""

from __future__ import annotations

import pytest

from processing.reading.lines import (
    MAX_LINE_BYTES,
    MixedEndsError,
    PlainRecords,
    Scanned,
    whole_lines,
    with_lf,
)


def scanned(content: bytes, block: int) -> tuple[bytes, Scanned]:
    records = PlainRecords(b"\t", 2)
    return b"".join(records.blocks(content[n : n + block] for n in range(0, len(content), block))), records.scanned


@pytest.mark.parametrize("block", [1, 2, 5, 100])
@pytest.mark.parametrize(
    ("content", "read", "records", "blank", "ends"),
    [
        (b"a\tb\n\nc\td", b"a\tb\n\nc\td", 2, 1, {b"\n"}),
        (b"a\tb\r\nc\td\r\n", b"a\tb\nc\td\n", 2, 0, {b"\r\n"}),
        (b"a\tb\r\nc\td\n\r\n", b"a\tb\nc\td\n\n", 2, 1, {b"\r\n", b"\n"}),
        (b"a\tb\nc\td\re\tf\n", b"a\tb\nc\td\ne\tf\n", 3, 0, {b"\n", b"\r"}),
        (b"\n\n\n", b"\n\n\n", 0, 3, {b"\n"}),
        (b"", b"", 0, 0, set()),
    ],
)
def test_lines_are_counted_and_end_with_lf(
    content: bytes, read: bytes, records: int, blank: int, ends: set[bytes], block: int
) -> None:
    found, scan = scanned(content, block)
    assert (found, scan.records, scan.blank) == (read, records, blank)
    assert scan.is_uniform == (ends <= {b"\n"} or ends == {b"\r\n"})


def test_a_carriage_return_in_a_value_rejects_its_line() -> None:
    found, scan = scanned(b"a\tb\nhalf\rtext\t1\nc\td\n", 4)
    assert found == b"a\tb\n\nc\td\n"
    assert [(stray.line, stray.start) for stray in scan.strays] == [(2, b"half\rtext\t1")]


def test_the_rest_of_a_line_that_is_too_long_is_left_out() -> None:
    block = b"x" * MAX_LINE_BYTES
    first, second = whole_lines([b"a\n", *[block] * 6, b"\nb\n"])
    assert (first, len(second)) == (b"a\n", 3 * MAX_LINE_BYTES + 3)


@pytest.mark.parametrize("place", [0, 1, 2, 3, 4])
def test_carriage_returns_in_a_line_that_is_cut_are_an_error(place: int) -> None:
    blocks = [b"x" * MAX_LINE_BYTES] * 5
    blocks[place] = b"x\r" + blocks[place][2:]
    with pytest.raises(MixedEndsError):
        list(whole_lines([b"a\n", *blocks, b"\n"]))
    # At the end of the line it is that of CRLF.
    blocks[place] = b"x" * MAX_LINE_BYTES
    assert len(list(whole_lines([b"a\n", *blocks, b"\r\n", b"b\rc\n"]))) == 3


def test_carriage_returns_alone_become_line_ends() -> None:
    assert b"".join(with_lf([b"a\r", b"\nb\r", b"c\rd", b"\r"])) == b"a\nb\nc\nd\n"
