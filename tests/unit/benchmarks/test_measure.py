import sys
from functools import partial
from pathlib import Path

import pytest

from benchmarks.measure import Program, Run, alternate, median, run


def test_a_process_is_measured_from_outside(tmp_path: Path) -> None:
    hungry = Program(
        "hungry", (sys.executable, "-c", "import time; x = bytearray(200_000_000); print(len(x)); time.sleep(0.3)")
    )
    modest = Program("modest", (sys.executable, "-c", "import time; time.sleep(0.3)"))
    assert run(hungry, tmp_path / "log").peak > 200_000_000
    # The peak of a smaller process is its own, not that of its larger parent.
    ballast = bytearray(300_000_000)
    later = run(modest, tmp_path / "log")
    assert later.peak < 100_000_000
    assert later.seconds >= 0.3
    assert len(ballast) == 300_000_000
    assert (tmp_path / "log").read_text() == "200000000\n"


def test_a_failing_program_ends_the_benchmark(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="broken failed with 3"):
        run(Program("broken", (sys.executable, "-c", "import sys; sys.exit(3)")), tmp_path / "log")


def test_a_program_killed_for_memory_has_this_as_its_result(tmp_path: Path) -> None:
    killed = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    greedy = Program("greedy", (sys.executable, "-c", killed), expendable=True)
    assert run(greedy, tmp_path / "log").killed
    with pytest.raises(SystemExit, match="ours failed with -9"):
        run(Program("ours", greedy.command), tmp_path / "log")


def test_programs_run_in_turn(tmp_path: Path) -> None:
    order: list[str] = []
    ways = [Program(name, (sys.executable, "-c", ""), before=partial(order.append, name)) for name in "ab"]
    runs = alternate(ways, 2, tmp_path / "log")
    assert order == ["a", "b", "a", "b"]
    assert {name: len(each) for name, each in runs.items()} == {"a": 2, "b": 2}


def test_the_median_is_not_the_mean() -> None:
    assert median([Run(1, 10), Run(2, 20), Run(9, 90)]) == Run(2, 20)
