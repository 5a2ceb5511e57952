"""Lines stay whole, however they are read."""

from __future__ import annotations

import asyncio
import sys

import pytest
from sagemaker_training import process

from training.script_output import MOST_BYTES, ScriptOutput, WholeLines


def stream_of(*pieces: bytes) -> Pieces:
    return Pieces(list(pieces))


class Pieces:
    """A stream that gives its pieces one by one."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    async def read(self, _size: int, /) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


def read_all(*pieces: bytes) -> list[bytes]:
    async def read() -> list[bytes]:
        stream, found = WholeLines(stream_of(*pieces)), []
        while lines := await stream.read(1):
            found.append(lines)
        return found

    return asyncio.run(read())


def test_pieces_are_put_together_to_lines() -> None:
    assert read_all(b"loss =", b" ", b"0.5", b"\nnext", b" one\n") == [b"loss = 0.5\n", b"next one\n"]


def test_a_line_without_an_end_comes_at_the_streams_end() -> None:
    assert read_all(b"a\nb", b"c") == [b"a\n", b"bc"]
    assert read_all() == []


def test_a_progress_bar_is_not_held_back() -> None:
    assert read_all(b"10%\r20", b"%\r") == [b"10%\r", b"20%\r"]


def test_an_endless_line_is_handed_on_in_parts() -> None:
    assert b"".join(read_all(b"x" * MOST_BYTES, b"y")) == b"x" * MOST_BYTES + b"y"
    assert len(read_all(b"x" * MOST_BYTES, b"y")) == 2


def test_a_character_of_several_bytes_stays_whole() -> None:
    one, two = "\u00e9\n".encode()[:1], "\u00e9\n".encode()[1:]
    assert read_all(one, two) == ["\u00e9\n".encode()]


def test_the_toolkit_prints_and_reports_whole_lines(capsys: pytest.CaptureFixture[str]) -> None:
    before = process.watch
    with ScriptOutput() as output:
        assert output.last_errors == []
        said = asyncio.run(process.watch(stream_of(b"loss =", b" ", b"0.5\nValueError", b": x\n"), 1))
    assert process.watch is before
    assert capsys.readouterr().out == "loss = 0.5\nValueError: x\n"
    assert said.strip() == "ValueError: x"


def test_the_last_lines_of_standard_error_of_the_last_process_are_kept() -> None:
    code = "import sys; print('out'); sys.stderr.write('first\\n\\nlast %s' % sys.argv[1])"
    with ScriptOutput() as output:
        for name in ("one", "two"):
            process.create([sys.executable, "-c", code, name], [], 1, cwd="/", capture_error=True)
            assert output.last_errors == ["first", f"last {name}"]


def test_colours_are_not_kept() -> None:
    stream = WholeLines(stream_of(b"\x1b[31mred\x1b[0m plain\n"))
    asyncio.run(stream.read(100))
    assert list(stream.last) == ["red plain"]
