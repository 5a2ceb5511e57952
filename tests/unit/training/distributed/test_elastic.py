import json
import signal
from pathlib import Path

import pytest
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

from training.distributed.elastic import first_cause, thread_share
from training.distributed.rank_failures import RankFolder


def failed(**codes: int) -> ChildFailedError:
    """What the agent raises where the ranks r0, r1, ... ended with `codes`."""
    failures = {
        int(name[1:]): ProcessFailure(local_rank=int(name[1:]), pid=1, exitcode=code, error_file="")
        for name, code in codes.items()
    }
    return ChildFailedError("worker", failures)


def leave(folder: Path, rank: int, text: str) -> None:
    cause = {"rank": rank, "nanoseconds": rank, "text": text}
    (folder / f"cause-{rank}.json").write_text(json.dumps(cause))


def test_a_killed_rank_comes_before_what_the_others_say(tmp_path: Path) -> None:
    leave(tmp_path, 0, "ValueError: odd")
    text = first_cause(RankFolder(tmp_path), failed(r0=1, r1=-signal.SIGKILL))
    assert text.startswith("rank 1 was killed by SIGKILL, which is how a machine out of memory ends a process")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGABRT])
def test_a_rank_that_was_ended_because_of_another_does_not(tmp_path: Path, number: int) -> None:
    leave(tmp_path, 1, "ValueError: odd")
    assert first_cause(RankFolder(tmp_path), failed(r0=-number, r1=1)) == "ValueError: odd"


def test_an_abort_that_nothing_explains_is_the_cause(tmp_path: Path) -> None:
    assert first_cause(RankFolder(tmp_path), failed(r0=-signal.SIGABRT)) == "rank 0 was killed by SIGABRT"


def test_a_host_whose_ranks_only_lost_a_peer_points_to_the_others(tmp_path: Path) -> None:
    leave(tmp_path, 0, "RuntimeError: Connection closed by peer [10.0.0.2]:1")
    assert "a rank of another host" in first_cause(RankFolder(tmp_path), failed(r0=1))


def test_a_rank_that_left_nothing_is_named(tmp_path: Path) -> None:
    assert "rank 0 ended with exit status 3" in first_cause(RankFolder(tmp_path), failed(r0=3))


def test_processes_share_the_cores_unless_told() -> None:
    assert thread_share(10_000, {}) == {"OMP_NUM_THREADS": "1"}
    assert thread_share(2, {"OMP_NUM_THREADS": "3"}) == {}


def test_processes_share_the_cores_of_the_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.distributed.elastic.threads", lambda: 8)
    assert thread_share(2, {}) == {"OMP_NUM_THREADS": "4"}
