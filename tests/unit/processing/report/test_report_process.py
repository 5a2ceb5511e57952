"""report.html, and what card.json says of the tokenizer, are the same from a process and without one."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from unit.processing.report.contents import report, sample

from contract.failures import UserError
from contract.paths import Paths
from contract.processes import is_alive
from contract.tokenizer import fingerprint
from processing import start
from processing.__main__ import run
from processing.options import ProcessingOptions
from processing.report import report_process
from processing.report.report_process import ReportProcess, started
from processing.report.row_samples import RowSample

Write = Callable[[str, str | bytes], Path]
OWN_WORK = ("origin", "page")


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_process, "threads", lambda: 2)


def content() -> dict[str, Any]:
    """The content of a report.json, with what JSON changes: tuples, other mappings, letters beyond ASCII."""
    shown = report({"train": {"\u00e9t\u00e9": 2, "\U0001f600": 1}})
    return shown | {
        "numbers": {"train": {"smallest": 0.1, "largest": float("inf"), "mean": 1 / 3}},
        "files_passed_over": ("\udcff.bin",),
        "options": MappingProxyType(shown["options"] | {"columns": ("a", "b"), "label_map": {"no": 0}}),
    }


def samples(label: Any = 1) -> dict[str, list[RowSample]]:
    return {"train": [sample("train", "a", "b", label=label, tokens=3, is_truncated=True)]}


NAMES = ("\u00e9t\u00e9", "\U0001f600")


def no_own_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process fail where it would do the work itself."""
    for name in OWN_WORK:
        monkeypatch.delattr(report_process, name)


@pytest.mark.parametrize("label", [0, 1, 0.5, [1.0, 0.0], None])
def test_the_page_is_that_of_this_process(label: Any, wordpiece: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = ReportProcess().page(content(), NAMES, samples(label))
    no_own_work(monkeypatch)
    with started(str(wordpiece)) as reports:
        found = reports.origin(wordpiece)
        assert found == reports.origin(wordpiece)
        assert found.fingerprint == fingerprint(wordpiece)
        assert found.versions["duckdb"] == version("duckdb")
        assert reports.page(content(), NAMES, samples(label)) == expected


def test_a_tokenizer_is_read_from_where_this_process_is(
    wordpiece: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "tokenizer.json").write_bytes(wordpiece.read_bytes())
    monkeypatch.chdir(tmp_path)
    no_own_work(monkeypatch)
    with started("own") as reports:
        reports.begin(Path("own/tokenizer.json"))
        assert reports.origin(Path("own/tokenizer.json")).fingerprint == fingerprint(wordpiece)


def test_a_tokenizer_that_must_be_downloaded_is_read_once_it_is_there(
    wordpiece: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_own_work(monkeypatch)
    with started("distilbert-base-uncased") as reports:
        assert reports.origin(wordpiece).fingerprint == fingerprint(wordpiece)


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_process_that_is_killed_is_replaced(steps: int, wordpiece: Path, caplog: pytest.LogCaptureFixture) -> None:
    expected = ReportProcess().page(content(), NAMES, samples())
    with started(str(wordpiece) if steps else None) as reports:
        process = reports._process
        assert process is not None
        if steps == 2:
            reports.origin(wordpiece)
        os.kill(process.pid, signal.SIGKILL)
        assert reports.origin(wordpiece).fingerprint == fingerprint(wordpiece)
        assert reports.page(content(), NAMES, samples()) == expected
    assert caplog.messages == [
        "the process that renders report.html has ended early with exit status -9: this one does it"
    ]


def test_an_error_is_raised_by_this_process(tmp_path: Path) -> None:
    wrong = tmp_path / "tokenizer.json"
    wrong.write_text("{")
    with started(str(wrong)) as reports, pytest.raises(UserError, match="cannot be read"):
        reports.origin(wrong)


def test_no_process_outlives_the_job(wordpiece: Path) -> None:
    with started(str(wordpiece)) as reports:
        process = reports._process
    assert process is not None and not is_alive(process.pid)
    with started() as reports:
        process = reports._process
        assert process is not None
        # So it ends where this process is killed, which closes its sockets.
        process._socket.shutdown(socket.SHUT_RDWR)
        assert process._process.wait(60) == 0


@pytest.mark.parametrize("printed", ["hello", "1", '["bad", {}]'])
def test_what_other_code_prints_is_no_answer(
    printed: str, wordpiece: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(f"print({printed!r})\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    no_own_work(monkeypatch)
    with started(str(wordpiece)) as reports:
        assert reports.origin(wordpiece).fingerprint == fingerprint(wordpiece)


def test_versions_are_those_that_this_process_finds(
    wordpiece: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own" / "duckdb-9.9.9.dist-info").mkdir(parents=True)
    (tmp_path / "own" / "duckdb-9.9.9.dist-info" / "METADATA").write_text("Name: duckdb\nVersion: 9.9.9\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["own", *sys.path])
    no_own_work(monkeypatch)
    with started(str(wordpiece)) as reports:
        assert reports.origin(wordpiece).versions["duckdb"] == "9.9.9"


def test_a_name_that_cannot_be_looked_for_is_an_error_of_the_job(tmp_path: Path) -> None:
    name = str(tmp_path / ("x" * 300))
    with started(name) as reports:
        process = reports._process
    assert process is not None and not is_alive(process.pid)
    with pytest.raises(UserError, match=r"tokenizer .*xxx: File name too long; expected a file, a folder"):
        run(["--input", str(tmp_path), "--tokenizer", name], Paths(tmp_path))


def test_there_is_no_process_on_one_core_or_where_none_can_start(
    wordpiece: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/python")
    with started(str(wordpiece)) as reports:
        assert reports._process is None
        assert reports.origin(wordpiece).fingerprint == fingerprint(wordpiece)
    assert "no process can be started that renders report.html (No such file or directory)" in caplog.text
    caplog.clear()
    monkeypatch.setattr(report_process, "threads", lambda: 1)
    assert started(str(wordpiece))._process is None and not caplog.messages


def test_a_job_writes_the_same_page(
    written: Write, wordpiece: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f"{number} a good film\t{number % 2}\n" for number in range(300))
    file = written("in/a.tsv", f"text\tlabel\n{rows}")
    arguments = ["--input", str(file), "--tokenizer", str(wordpiece), "--max-length", "8", "--columns", "text"]
    pages = []
    for name in ("alone", "process"):
        paths = Paths(tmp_path / name)
        if name == "process":
            no_own_work(monkeypatch)
            run(arguments, paths)
        else:
            options = ProcessingOptions(input=str(file), tokenizer=str(wordpiece), max_length=8, columns=("text",))
            start.run(options, paths)
        text = (paths.processing_report / "report.html").read_text()
        # The seconds and the rate, which differ, are the only numbers of these forms.
        pages.append(re.sub(r"[0-9.,]+ (s|rows/s)\b", "", text))
    assert pages[0] == pages[1] and "a good film" in pages[0]
