from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from contract import selftest
from contract.failures import UserError
from contract.processes import is_alive
from contract.selftest import Check, NotHereError, environment, expect, judge, main, run, table, write_rows


def works() -> str:
    return "two of\nthem"


def absent() -> str:
    raise NotHereError("no such thing")


def broken() -> str:
    raise RuntimeError("out of order")


def test_the_table_lists_passed_failed_and_absent_checks(capsys: pytest.CaptureFixture[str]) -> None:
    status = main("training", [Check("a", works), Check("a longer one", broken), Check("c", absent)])
    told = capsys.readouterr().out.partition("self-test of training\n")[2].splitlines()
    assert status == 1
    assert [line.split("0.0 s")[0].split() for line in told[:3]] == [
        ["a", "ok"],
        ["a", "longer", "one", "failed"],
        ["c", "absent"],
    ]
    assert [line.split("0.0 s  ")[1] for line in told[:3]] == [
        "two of them",
        "RuntimeError: out of order",
        "no such thing",
    ]
    assert len({line.index("0.0 s") for line in told[:3]}) == 1
    assert told[3] == "failed: a longer one"


def test_an_absent_device_is_not_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("training", [Check("a", works), Check("c", absent)]) == 0
    assert capsys.readouterr().out.endswith("\nall checks passed, apart from absent devices\n")


def test_a_long_detail_is_truncated_to_one_line() -> None:
    [line] = table([judge(Check("a", lambda: "x" * 1000))]).splitlines()
    assert len(line) < 160


def test_a_failed_entry_point_is_reported_with_its_last_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "job.py").write_text(
        "import os, sys\nprint('first')\nprint('2026-01-01T00:00:00Z ERROR a.b: no', os.environ['NAME'])\nsys.exit(3)\n"
    )
    environ = environment(tmp_path, NAME="disk", PYTHONPATH=str(tmp_path))
    with pytest.raises(UserError, match=r"^job ended with status 3: no disk$"):
        run("job", [], environ)
    assert caplog.records[0].getMessage() == "| first"


def test_an_entry_point_that_hangs_is_killed_with_the_processes_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selftest, "LIMIT", 2)
    pid = tmp_path / "pid"
    (tmp_path / "hangs.py").write_text(
        f"import pathlib, subprocess, time\nstarted = subprocess.Popen(['sleep', '60'])\n"
        f"pathlib.Path({str(pid)!r}).write_text(str(started.pid))\ntime.sleep(60)\n"
    )
    with pytest.raises(UserError, match="hangs took more than 2 s"):
        run("hangs", [], environment(tmp_path, PYTHONPATH=str(tmp_path)))
    for _ in range(100):
        if not is_alive(int(pid.read_text())):
            return
        time.sleep(0.05)
    raise AssertionError("the process that it started is alive")


def test_an_entry_point_gets_its_folder_and_is_offline(tmp_path: Path) -> None:
    environ = environment(tmp_path)
    assert (environ["SAGEMAKER_BASE_DIR"], environ["HF_HUB_OFFLINE"]) == (str(tmp_path), "1")


def test_rows_have_both_labels(tmp_path: Path) -> None:
    texts = write_rows(tmp_path / "input" / "rows.jsonl", 4)
    rows = [json.loads(line) for line in (tmp_path / "input" / "rows.jsonl").read_text().splitlines()]
    assert [row["text"] for row in rows] == texts
    assert [row["label"] for row in rows] == [0, 1, 0, 1]


def test_an_unmet_expectation_raises_its_message() -> None:
    expect(True, "never said")
    with pytest.raises(UserError, match="^two rows are missing$"):
        expect(False, "two rows are missing")
