from pathlib import Path

import pytest
from training_base import delete, flip, truncate

from contract.files import STAGING
from training.checkpointing import store
from training.checkpointing.store import MANIFEST, SET_ASIDE, Origin

ORIGIN = Origin("data", "validation", "model")


def save(root: Path, step: int) -> Path:
    staged = root / STAGING / f"checkpoint-{step}"
    staged.mkdir(parents=True)
    (staged / "model.safetensors").write_bytes(bytes([step]) * 100)
    (staged / "optimizer.pt").write_bytes(b"optimizer")
    (staged / "trainer_state.json").write_text("{}")
    store.publish(staged, root / staged.name, step, 2, 16, ORIGIN)
    return root / staged.name


FILES = ("model.safetensors", "optimizer.pt", "trainer_state.json", MANIFEST)


@pytest.mark.parametrize("harm", [delete, truncate, flip])
@pytest.mark.parametrize("file", FILES)
def test_a_harmed_checkpoint_gives_way_to_the_one_before(tmp_path: Path, file: str, harm: object) -> None:
    save(tmp_path, 5)
    newest = save(tmp_path, 10)
    assert store.newest(tmp_path).step == 10  # type: ignore[union-attr]
    harm(newest / file)  # type: ignore[operator]
    assert store.newest(tmp_path).step == 5  # type: ignore[union-attr]


def test_a_checkpoint_keeps_what_it_belongs_to(tmp_path: Path) -> None:
    save(tmp_path, 5)
    found = store.newest(tmp_path)
    assert found == store.Checkpoint(tmp_path / "checkpoint-5", 5, 2, 16, ORIGIN)


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert store.newest(tmp_path) is None


def test_steps_are_ordered_as_numbers(tmp_path: Path) -> None:
    for step in (9, 10, 100):
        save(tmp_path, step)
    assert [store.step_of(folder) for folder in store.folders(tmp_path)] == [100, 10, 9]


def test_what_did_not_verify_is_set_aside(tmp_path: Path) -> None:
    for step in (5, 10):
        save(tmp_path, step)
    (tmp_path / STAGING).mkdir(exist_ok=True)
    store.set_aside(tmp_path, newer_than=5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-5", SET_ASIDE]
    assert (tmp_path / SET_ASIDE / "checkpoint-10" / MANIFEST).is_file()


def test_what_an_earlier_start_set_aside_gives_way(tmp_path: Path) -> None:
    for step in (5, 10):
        save(tmp_path, step)
        store.set_aside(tmp_path, newer_than=0)
    store.set_aside(tmp_path, newer_than=0)
    assert [path.name for path in (tmp_path / SET_ASIDE).iterdir()] == ["checkpoint-10"]


def test_no_byte_of_the_manifest_can_change(tmp_path: Path) -> None:
    manifest = save(tmp_path, 5) / MANIFEST
    content = manifest.read_bytes()
    for i in range(len(content)):
        manifest.write_bytes(content[:i] + bytes([content[i] ^ 1]) + content[i + 1 :])
        assert store.newest(tmp_path) is None
    manifest.write_bytes(content)
    assert store.newest(tmp_path) is not None


def test_a_step_is_saved_again_in_place_of_what_was_there(tmp_path: Path) -> None:
    (save(tmp_path, 5) / "model.safetensors").write_bytes(b"torn")
    save(tmp_path, 5)
    assert store.newest(tmp_path) is not None
    assert [path.name for path in (tmp_path / STAGING).iterdir()] == []


def test_pruning_keeps_the_newest_and_the_best(tmp_path: Path) -> None:
    for step in (5, 10, 15, 20):
        save(tmp_path, step)
    store.prune(tmp_path, 1, keep={10})
    assert [store.step_of(folder) for folder in store.folders(tmp_path)] == [20, 10]


@pytest.mark.parametrize("limit", [None, 9])
def test_pruning_below_the_limit_removes_nothing(tmp_path: Path, limit: int | None) -> None:
    save(tmp_path, 5)
    store.prune(tmp_path, limit, keep=set())
    assert len(store.folders(tmp_path)) == 1


def test_a_checkpoint_under_another_name_is_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save(tmp_path, 10).rename(tmp_path / "checkpoint-99")
    assert store.newest(tmp_path) is None
    assert "checkpoint-99 is not used: it is the checkpoint of step 10 under another name" in caplog.text
