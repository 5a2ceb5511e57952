import json
import math
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from contract import files
from contract.failures import UserError


def fill(folder: Path) -> None:
    (folder / "data").write_text("rows")
    (folder / "state.json").write_text("{}")


def test_a_staged_folder_appears_whole(tmp_path: Path) -> None:
    with files.staged(tmp_path / "out", "state.json") as staging:
        fill(staging)
        assert not (tmp_path / "out" / "state.json").exists()
    assert sorted(os.listdir(tmp_path / "out")) == ["data", "state.json"]


def test_everyone_may_read_a_published_folder(tmp_path: Path) -> None:
    with files.staged(tmp_path / "out", "state.json") as staging:
        fill(staging)
        (staging / "part").mkdir(mode=0o700)
        (staging / "part" / "weights").touch(mode=0o600)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "out").rglob("*")}
    assert modes["weights"] == 0o644
    assert modes["part"] == 0o755


def test_an_exception_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), files.staged(tmp_path / "out", "state.json") as staging:
        fill(staging)
        raise RuntimeError
    assert os.listdir(tmp_path / "out") == []


def test_a_killed_process_leaves_no_marker_and_the_next_run_cleans_up(tmp_path: Path) -> None:
    script = (
        "import os, sys, pathlib; from contract import files\n"
        "with files.staged(pathlib.Path(sys.argv[1]), 'state.json') as staging:\n"
        "    (staging / 'state.json').write_text('{}'); os.kill(os.getpid(), 9)\n"
    )
    finished = subprocess.run([sys.executable, "-c", script, str(tmp_path / "out")], check=False)
    assert finished.returncode == -signal.SIGKILL
    assert os.listdir(tmp_path / "out") == [files.STAGING]
    with files.staged(tmp_path / "out", "state.json") as staging:
        fill(staging)
    assert sorted(os.listdir(tmp_path / "out")) == ["data", "state.json"]


def test_an_earlier_result_is_replaced_and_other_files_are_not(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    fill(tmp_path / "old")
    (tmp_path / "old" / "data-00009").write_text("of the earlier run")
    with files.staged(tmp_path / "old", "state.json") as staging:
        fill(staging)
    assert sorted(os.listdir(tmp_path / "old")) == ["data", "state.json"]

    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="thesis.txt"), files.staged(tmp_path / "theirs", "state.json"):
        pass
    assert (tmp_path / "theirs" / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("leftover", ["state.json", files.STAGING])
@pytest.mark.parametrize("removed", range(4))
def test_an_interrupted_cleaning_is_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leftover: str, removed: int
) -> None:
    """The remaining files are an earlier result, or were moved out of the staging folder by a killed job."""
    for name in ("card.json", "data"):
        (tmp_path / name).write_text("rows")
    (tmp_path / "part").mkdir()
    (tmp_path / leftover).mkdir() if leftover == files.STAGING else (tmp_path / leftover).write_text("{}")
    left = iter([True] * removed)

    def cut_off(remove: Callable[..., None]) -> Callable[..., None]:
        def step(*arguments: object) -> None:
            if not next(left, False):
                raise KeyboardInterrupt
            remove(*arguments)

        return step

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Path, "unlink", cut_off(Path.unlink))
        patched.setattr(shutil, "rmtree", cut_off(shutil.rmtree))
        files.clear(tmp_path, "state.json")
    assert removed == 0 or not (tmp_path / "state.json").exists()
    files.clear(tmp_path, "state.json")
    assert os.listdir(tmp_path) == []


def test_an_exception_while_files_move_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def second_fails(self: Path, target: Path) -> None:
        if target.name == "state.json":
            raise OSError("no room")
        self.rename(target)

    monkeypatch.setattr(Path, "replace", second_fails)
    with pytest.raises(OSError, match="no room"), files.staged(tmp_path / "out", "state.json") as staging:
        fill(staging)
    assert os.listdir(tmp_path / "out") == []


def test_the_marker_moves_last(tmp_path: Path) -> None:
    order = files.marker_last([tmp_path / "a", tmp_path / "state.json", tmp_path / "z"], "state.json")
    assert [path.name for path in order] == ["a", "z", "state.json"]


def test_json_round_trips_and_a_broken_file_is_named(tmp_path: Path) -> None:
    files.write_json(tmp_path / "x.json", {"ä": [1, None]})
    assert files.read_json(tmp_path / "x.json", "report") == {"ä": [1, None]}
    assert os.listdir(tmp_path) == ["x.json"]
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(UserError, match="report .*not JSON"):
        files.read_json(tmp_path / "x.json", "report")
    with pytest.raises(UserError, match="No such file"):
        files.read_json(tmp_path / "y.json", "report")


@pytest.mark.parametrize("value", [{"a": math.nan}, MappingProxyType({"a": math.inf}), {"a": MappingProxyType({})}])
def test_json_has_no_nan_and_takes_every_mapping(tmp_path: Path, value: Mapping[str, object]) -> None:
    files.write_json(tmp_path / "a.json", value)
    assert json.loads((tmp_path / "a.json").read_text()) in ({"a": None}, {"a": {}})


def test_json_is_indented_as_json_does_it_and_long_lists_have_lines() -> None:
    short: dict[str, Any] = {"a": [1, {"b": "x\ny"}], "c": {"d": []}, "e": None, "\u00e4": "\u2028"}
    assert files.as_json(short) == json.dumps(short, indent=2, ensure_ascii=False)
    others: list[Any] = [{}, [], [1], "x", {1: 2}]
    assert [files.as_json(value) for value in others] == [json.dumps(value, indent=2) for value in others]
    long = {"before": 1, "files": [{"file": f"{n}\n", "rows": [n]} for n in range(files.LONG_LIST)], "after": {"a": 1}}
    text = files.as_json(long)
    assert json.loads(text) == long
    assert text.count("\n") == files.LONG_LIST + 7
    assert '\n    {"file": "1\\n", "rows": [1]},\n' in text


def test_sha256_is_the_standard_one(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1
    assert files.sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
