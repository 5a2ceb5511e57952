from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import jobs
from contract.failures import UserError
from contract.paths import Paths
from contract.selftest import Check
from robustness.gpu_check import Runner, parse
from robustness.gpu_serving_checks import of_second_class
from robustness.gpu_training_checks import compare, finish, limit, wait_for


def fail() -> str:
    raise UserError("it is broken")


def test_results_are_written_as_they_come_and_what_is_late_or_skipped_does_not_run(tmp_path: Path) -> None:
    runner = Runner(tmp_path / "check.jsonl", time.monotonic() + 60, skip=["slow"])
    results = runner.chain([Check("good", lambda: "fine"), Check("slow one", fail), Check("bad", fail)])
    assert [(result.name, result.outcome) for result in results] == [("good", "ok"), ("bad", "failed")]
    late = Runner(runner.file, time.monotonic() - 1).chain([Check("late", fail)])
    assert (late[0].outcome, late[0].detail) == ("absent", "not run: the time was up")
    lines = [json.loads(line) for line in runner.file.read_text().splitlines()]
    assert [line["detail"] for line in lines] == ["fine", "it is broken", "not run: the time was up"]


def test_loss_curves_may_differ_by_rounding_alone() -> None:
    assert "at most 1.0e-02" in compare([0.5, 0.4], [0.5, 0.41], 0.02)
    with pytest.raises(UserError, match="losses of a step differ by 0.200"):
        compare([0.5, 0.4], [0.5, 0.6], 0.02)
    with pytest.raises(UserError, match="1 losses were logged, expected 2"):
        compare([0.5, 0.4], [0.5], 0.02)


def test_a_log_is_read_to_the_line_that_is_waited_for() -> None:
    command = [sys.executable, "-c", "print('first'); print('step = 1'); print('last')"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert wait_for(process, "step = ") == "first\nstep = 1\n"
        with pytest.raises(UserError, match="ended before its log had 'step = ': last"):
            wait_for(process, "step = ")


def test_a_training_beyond_its_time_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    monkeypatch.setattr(jobs, "start", lambda *_: process)
    with pytest.raises(UserError, match=f"the training in {tmp_path.name} took more than 0 s"):
        finish(Paths(tmp_path), 0.1)
    assert process.returncode == -9


def test_a_training_on_a_busy_cpu_has_more_time_than_on_a_gpu() -> None:
    assert limit(on_gpu=True) < 240 < limit(on_gpu=False)


def test_the_score_is_that_of_the_second_class() -> None:
    assert of_second_class({"label": "1", "score": 0.9}) == 0.9
    assert of_second_class({"label": "LABEL_0", "score": 0.9}) == pytest.approx(0.1)


def test_the_output_folder_is_that_of_the_device_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUT", "/out")
    assert parse(["--small"]).output == Path("/out")
