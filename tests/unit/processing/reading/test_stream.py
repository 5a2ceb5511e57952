"""Content that a thread passes through a named pipe."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.failures import UserError
from processing.reading.stream import FilePart, Stream

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


@pytest.mark.parametrize("can_send", [True, False])
def test_parts_of_files_are_passed_among_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, can_send: bool
) -> None:
    """Also where the file system cannot pass them without a copy."""
    if not can_send:

        def fails(*_: object) -> int:
            raise OSError(errno.EINVAL, "Invalid argument")

        monkeypatch.setattr(os, "sendfile", fails)
    file = tmp_path / "a.tsv"
    file.write_bytes(b"".join(b"%07d\n" % number for number in range(400_000)))
    whole, line = FilePart(file, "a.tsv", 8, 3_200_000), FilePart(file, "a.tsv", 16, 24)
    parts: list[bytes | FilePart] = [b"first\n", whole, b"", line, b"last\n"]
    with Stream(tmp_path / "pipe", iter(parts)) as stream:
        content = file.read_bytes()
        assert (tmp_path / "pipe").read_bytes() == b"first\n" + content[8:] + content[16:24] + b"last\n"
    assert stream.error is None
    assert [len(part) for part in parts] == [6, 3_199_992, 0, 8, 5]


@pytest.mark.parametrize("size", [10_000, 1_000_000])
def test_a_file_that_became_shorter_is_an_error(tmp_path: Path, size: int) -> None:
    """Whether it is joined with others, or passed without a copy."""
    file = tmp_path / "a.tsv"
    file.write_bytes(b"x" * size)
    parts: list[bytes | FilePart] = [b"first\n", FilePart(file, "a.tsv", 0, size + 1)]
    with Stream(tmp_path / "pipe", iter(parts)) as stream:
        assert len((tmp_path / "pipe").read_bytes()) < size + 7
        assert isinstance(stream.error, UserError)
        assert str(stream.error) == "input file a.tsv became shorter while it was read"


@pytest.mark.parametrize("size", [10_000, 1_000_000])
@pytest.mark.parametrize(("is_folder", "words"), [(False, "No such file or directory"), (True, "Is a directory")])
def test_a_file_that_is_gone_is_an_error(tmp_path: Path, size: int, is_folder: bool, words: str) -> None:
    file = tmp_path / "a.tsv"
    if is_folder:
        file.mkdir()
    with Stream(tmp_path / "pipe", iter([b"first\n", FilePart(file, "a.tsv", 0, size)])) as stream:
        assert (tmp_path / "pipe").read_bytes() == b"first\n"
        assert isinstance(stream.error, UserError)
        assert str(stream.error) == f"input file a.tsv cannot be read: {words}"


def test_a_reader_may_leave_within_a_part_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "a.tsv"
    file.write_bytes(BLOCK * 300)
    parts = iter([FilePart(file, "a.tsv", 0, 300 * len(BLOCK))])
    with Stream(tmp_path / "pipe", parts) as stream, (tmp_path / "pipe").open("rb") as reader:
        assert len(reader.read(10)) == 10
    assert stream.error is None
