"""Content that a thread passes through a named pipe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from processing.reading.stream import Stream

BLOCK = b"x" * 100_000


def test_the_reader_gets_all_content(tmp_path: Path) -> None:
    with Stream(tmp_path / "pipe", iter([BLOCK] * 30)) as stream:
        assert (tmp_path / "pipe").read_bytes() == BLOCK * 30
        assert stream.error is None
    assert not (tmp_path / "pipe").exists()


@pytest.mark.parametrize("size", [None, 10])
def test_a_reader_may_never_come_or_leave_early(tmp_path: Path, size: int | None) -> None:
    with Stream(tmp_path / "pipe", iter([BLOCK] * 300)) as stream:
        if size is not None:
            with (tmp_path / "pipe").open("rb") as reader:
                assert len(reader.read(size)) == size
    assert stream.error is None


def test_an_error_of_the_content_is_kept_for_the_reader(tmp_path: Path) -> None:
    def content() -> Iterator[bytes]:
        yield BLOCK
        raise ValueError("broken")

    with Stream(tmp_path / "pipe", content()) as stream:
        assert (tmp_path / "pipe").read_bytes() == BLOCK
        assert str(stream.error) == "broken"
