"""Counts of lines without a copy: those that PlainRecords finds, or none."""

from __future__ import annotations

import io

import pytest

from processing.reading import line_counter
from processing.reading.line_counter import counted_lines
from processing.reading.lines import MAX_LINE_BYTES, PlainRecords


@pytest.mark.parametrize("block", [1, 2, 5, 100])
@pytest.mark.parametrize("content", [b"", b"\n", b"a", b"a\n", b"a\tb\n\nc\td", b"\n\n\nab\n", b"abcdefg\n\n"])
def test_lines_are_counted_alike_without_copies(content: bytes, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_counter, "BLOCK_BYTES", block)
    records = PlainRecords(b"\t", 2)
    for _ in records.blocks([content]):
        pass
    assert counted_lines(io.BytesIO(content), "") == records.scanned


@pytest.mark.parametrize(
    "content",
    [
        b"a\r\n",
        b"a\nb\rc\n",
        b"\xef\xbb\xbf\na\n",
        b"a\n" + b"x" * MAX_LINE_BYTES + b"\n",
        b"a\n" + b"x" * (MAX_LINE_BYTES + 1),
        b'a\n"b\n',
        b"a\n\\b\n",
    ],
)
def test_other_files_are_not_counted_without_copies(content: bytes) -> None:
    assert counted_lines(io.BytesIO(content), '"\\') is None
