import json
from pathlib import Path

import pytest
import torch

from contract.failures import UserError
from training.distributed.rank_failures import FOLDER_VARIABLE, RankFolder, explain, settle
from training.distributed.stopping import InterruptionError


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (UserError("option x is 1"), "option x is 1"),
        (ValueError("odd"), "ValueError: odd"),
        (InterruptionError(7), "interrupted, checkpoint at step 7"),
    ],
)
def test_a_rank_leaves_its_cause_and_exits_with_a_status(tmp_path: Path, error: Exception, text: str) -> None:
    folder = RankFolder(tmp_path, rank=3)
    with pytest.raises(SystemExit) as exit, settle(folder):
        raise error
    assert exit.value.code == 1
    cause = folder.first()
    assert cause is not None
    assert (cause.rank, cause.text) == (3, text)


def test_the_earliest_cause_is_the_first(tmp_path: Path) -> None:
    for rank, nanoseconds in ((0, 30), (1, 10), (2, 20)):
        cause = {"rank": rank, "nanoseconds": nanoseconds, "text": str(rank)}
        (tmp_path / f"cause-{rank}.json").write_text(json.dumps(cause))
    assert RankFolder(tmp_path).first().text == "1"  # type: ignore[union-attr]


def test_a_cause_comes_before_its_echo(tmp_path: Path) -> None:
    texts = ("RuntimeError: Connection closed by peer [127.0.0.1]:1", "ValueError: odd")
    for rank, text in enumerate(texts):
        cause = {"rank": rank, "nanoseconds": rank, "text": text}
        (tmp_path / f"cause-{rank}.json").write_text(json.dumps(cause))
    assert RankFolder(tmp_path).first().text == texts[1]  # type: ignore[union-attr]


def real_shortage() -> Exception:
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**60, dtype=torch.uint8)
    return raised.value


@pytest.mark.parametrize(
    "error", [real_shortage(), torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), MemoryError()]
)
def test_a_shortage_of_memory_names_its_cure(error: Exception) -> None:
    explained = explain(error)
    assert isinstance(explained, UserError)
    assert "lower train_batch_size" in str(explained)
    assert "\n" not in str(explained)


def test_of_cudas_account_of_its_memory_the_first_sentence_is_told() -> None:
    account = "Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 14.57 GiB of which 1.00 MiB is free. Process 1"
    explained = str(explain(torch.OutOfMemoryError(f"CUDA out of memory. {account}")))
    assert explained.startswith("memory does not suffice (CUDA out of memory. Tried to allocate 2.00 GiB); lower")


def test_a_full_disk_is_told_from_a_bug() -> None:
    assert "room for the model" in str(explain(OSError(28, "No space left on device")))
    bug = OSError(2, "No such file or directory")
    assert explain(bug) is bug


def test_no_cause_is_none(tmp_path: Path) -> None:
    assert RankFolder(tmp_path).first() is None


def test_a_rank_started_by_hand_says_so() -> None:
    with pytest.raises(UserError, match=f"{FOLDER_VARIABLE} is not set"):
        RankFolder.from_environment({})
