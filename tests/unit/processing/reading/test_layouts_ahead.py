"""Layouts that a thread, or another process, finds beside other work."""

from __future__ import annotations

import os
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from contract.processes import is_alive
from processing.reading import layouts_ahead
from processing.reading.layout import Layout, forget_layouts, kept, layout
from processing.reading.layouts_ahead import LayoutProcess, LayoutsAhead
from processing.reading.source import SourceFile, find

Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def files(written: Write, tmp_path: Path) -> list[SourceFile]:
    """Some small files, one of which has no layout."""
    for number in range(20):
        written(f"in/{number:02}.csv", f"text,label\na,{number}\n")
    written("in/05.csv", "text;label\na;1\n")
    written("in/06.csv", b"text,label\n\xff\xff\xff\xff,1\n")
    found, _ = find(str(tmp_path / "in"))
    forget_layouts()
    return found


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> LayoutProcess:
    """The process that finds the layouts of any files."""
    monkeypatch.setattr(layouts_ahead, "LEAST_FILES", 1)
    started = LayoutProcess()
    monkeypatch.setattr(layouts_ahead, "LayoutProcess", lambda: started)
    return started


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelname == "WARNING"]


def layouts(files: list[SourceFile]) -> list[Layout | None]:
    """Those that are kept."""
    return [kept(file) for file in files]


@pytest.mark.parametrize("least", [1, 1000], ids=["process", "thread"])
def test_layouts_are_kept_and_logged_once_they_are_waited_for(
    files: list[SourceFile],
    background: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    least: int,
) -> None:
    expected = [None if file.name == "06.csv" else layout(file) for file in files]
    forget_layouts()
    monkeypatch.setattr(layouts_ahead, "LEAST_FILES", least)
    caplog.clear()
    with caplog.at_level("INFO"), LayoutsAhead(files, background) as ahead:
        for some in (files[:4], files[:12], [], files[3:]):
            ahead.start(some)
            ahead.wait()
            ahead.wait()
            assert all(kept(file) is not None for file in some if file.name != "06.csv")
    assert layouts(files) == expected
    assert caplog.messages == ["input file 05.csv: detected delimiter semicolon"]


def test_the_process_is_for_text_files_of_which_there_are_many(
    files: list[SourceFile], background: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[LayoutProcess] = []

    class Counted(LayoutProcess):
        def __init__(self) -> None:
            super().__init__()
            started.append(self)

    monkeypatch.setattr(layouts_ahead, "LayoutProcess", Counted)
    typed = [SourceFile(file.path, file.name, "parquet") for file in files]
    for least, given, processes in ((20, files, 1), (21, files, 0), (1, typed, 0)):
        monkeypatch.setattr(layouts_ahead, "LEAST_FILES", least)
        started.clear()
        with LayoutsAhead(given, background):
            assert len(started) == processes
        assert not any(is_alive(process.process.pid) for process in started)


def test_a_thread_takes_over_from_a_process_that_was_killed(
    files: list[SourceFile], background: ThreadPoolExecutor, process: LayoutProcess, caplog: pytest.LogCaptureFixture
) -> None:
    with LayoutsAhead(files, background) as ahead:
        ahead.start(files[:5])
        ahead.wait()
        assert None not in layouts(files[:5])
        os.kill(process.process.pid, signal.SIGKILL)
        while is_alive(process.process.pid):
            pass
        ahead.start(files[5:15])
        ahead.wait()
        ahead.start(files[10:])
        ahead.wait()
    assert [file.name for file in files if kept(file) is None] == ["06.csv"]
    assert warnings(caplog) == ["the process that finds layouts of files has ended early: a thread finds them"]


def test_a_thread_finds_them_where_no_process_can_be_started(
    files: list[SourceFile],
    background: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(layouts_ahead, "LEAST_FILES", 1)
    monkeypatch.setattr(sys, "executable", "/none")
    with LayoutsAhead(files, background) as ahead:
        ahead.start(files)
        ahead.wait()
    assert [file.name for file in files if kept(file) is None] == ["06.csv"]
    [warning] = warnings(caplog)
    assert warning.startswith("no process can be started that finds layouts of files (No such file")


def test_a_process_that_ends_while_it_answers_has_not_found_them(
    files: list[SourceFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    own, other = socket.socketpair()
    monkeypatch.setattr(socket, "socketpair", lambda: (own, socket.socket(fileno=os.dup(own.fileno()))))
    process = LayoutProcess()
    # The size of a message, as Connection sends it, and less than that.
    other.sendall(struct.pack("!i", 1000) + b"half")
    other.shutdown(socket.SHUT_WR)
    assert not process.find(files)
    other.close()
    process.end()
    process.close()


def test_a_job_that_ends_does_not_wait_for_layouts(
    files: list[SourceFile], background: ThreadPoolExecutor, process: LayoutProcess
) -> None:
    with LayoutsAhead(files, background) as ahead:
        # It does not answer any more.
        os.kill(process.process.pid, signal.SIGSTOP)
        ahead.start(files)
    assert layouts(files) == [None] * len(files)
    assert not is_alive(process.process.pid)


def test_the_process_ends_with_its_connection(files: list[SourceFile]) -> None:
    process = LayoutProcess()
    assert process.find(files)
    assert [kept(file) is None for file in files].count(True) == 1
    process.close()
    process.process.wait(timeout=30)
    assert process.process.returncode == 0
