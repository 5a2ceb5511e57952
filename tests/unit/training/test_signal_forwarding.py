"""Which processes SIGTERM reaches: real ones, started as the toolkit starts them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from training.signal_forwarding import SignalForwarder, is_shell, with_commands

SECONDS = 30
WAITING = """
import pathlib, signal, sys, time
def stop(*_):
    pathlib.Path(sys.argv[1]).write_text("stopped")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
pathlib.Path(sys.argv[1]).write_text("waiting")
time.sleep(60)
"""


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def says(file: Path, text: str) -> bool:
    return file.exists() and file.read_text() == text


@pytest.fixture
def program(tmp_path: Path) -> list[str]:
    (tmp_path / "wait.py").write_text(WAITING)
    return [sys.executable, str(tmp_path / "wait.py")]


def test_a_program_gets_the_signal(tmp_path: Path, program: list[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with SignalForwarder() as stop, subprocess.Popen([*program, str(tmp_path / "state")]) as process:
        wait_for(lambda: says(tmp_path / "state", "waiting"))
        assert not stop.requested
        os.kill(os.getpid(), signal.SIGTERM)
        assert process.wait(SECONDS) == 0
    assert stop.requested
    assert says(tmp_path / "state", "stopped")
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_command_of_a_shell_file_gets_the_signal(tmp_path: Path, program: list[str], shell: str) -> None:
    # The kernel names such a process run.sh; the command below it is not the toolkit's child.
    file = tmp_path / "run.sh"
    file.write_text(f"#!/bin/{shell}\n{' '.join(program)} {tmp_path / 'state'}\necho the end\n")
    file.chmod(0o755)
    with (
        SignalForwarder(),
        subprocess.Popen(["/bin/sh", "-c", f"{file} --epochs 1"], stdout=subprocess.PIPE) as process,
    ):
        wait_for(lambda: says(tmp_path / "state", "waiting"))
        os.kill(os.getpid(), signal.SIGTERM)
        process.wait(SECONDS)
        wait_for(lambda: says(tmp_path / "state", "stopped"))


def test_a_program_that_starts_after_the_signal_gets_it(tmp_path: Path) -> None:
    with SignalForwarder() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        wait_for(lambda: stop.requested)
        with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
            assert process.wait(SECONDS) == -signal.SIGTERM


def test_processes_of_a_python_program_are_left_to_it() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        parent = psutil.Process(process.pid)
        try:
            wait_for(lambda: bool(parent.children()))
            assert with_commands(parent) == [parent]
        finally:
            for found in [*parent.children(), parent]:
                found.kill()


def test_a_process_that_is_gone_is_no_error() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    gone = psutil.Process(process.pid)
    process.wait(SECONDS)
    assert not is_shell(gone)
    assert with_commands(gone) == [gone]
