import json
import logging
from pathlib import Path

import pytest
from transformers import TrainingArguments

from contract.failures import UserError
from contract.files import STAGING
from training.checkpointing import store
from training.checkpointing.resume import choose, rows_per_step
from training.checkpointing.store import SET_ASIDE, Checkpoint, Origin
from training.distributed.collectives import Agreement

ORIGIN = Origin("data", "validation", "model")


def save(root: Path, step: int, problem_type: str = "") -> Path:
    staged = root / STAGING / f"checkpoint-{step}"
    staged.mkdir(parents=True)
    (staged / "model.safetensors").write_bytes(b"weights")
    if problem_type:
        (staged / "config.json").write_text(json.dumps({"problem_type": problem_type}))
    store.publish(staged, root / staged.name, step, 1, 16, ORIGIN)
    return root / staged.name


def chosen(
    root: Path, origin: Origin = ORIGIN, wanted: bool = True, fits: bool = True, problem_type: str = ""
) -> Checkpoint | None:
    def problem_of(_folder: Path) -> str:
        return "" if fits else "its weights are of other shapes"

    how = {"wanted": wanted, "first_on_host": True, "first": True}
    return choose(root, origin, Agreement(), **how, problem_of=problem_of, problem_type=problem_type)


def test_the_newest_that_verifies_is_chosen_and_a_torn_one_set_aside(tmp_path: Path) -> None:
    save(tmp_path, 5)
    (save(tmp_path, 10) / "model.safetensors").unlink()
    assert chosen(tmp_path).step == 5  # type: ignore[union-attr]
    assert (tmp_path / SET_ASIDE / "checkpoint-10").is_dir()


def test_nothing_is_chosen_where_there_is_nothing_or_none_is_wanted(tmp_path: Path) -> None:
    assert chosen(tmp_path / "new") is None
    save(tmp_path, 5)
    assert chosen(tmp_path, wanted=False) is None
    assert (tmp_path / SET_ASIDE / "checkpoint-5").is_dir()


@pytest.mark.parametrize(
    ("origin", "what"),
    [
        (Origin("other", "validation", "model"), "train channel"),
        (Origin("data", "other", "model"), "validation channel"),
        (Origin("data", "validation", "other"), "base model"),
    ],
)
def test_a_checkpoint_of_another_job_is_refused_and_stays(tmp_path: Path, origin: Origin, what: str) -> None:
    folder = save(tmp_path, 5)
    for fits in (True, False):
        with pytest.raises(UserError, match=f"was made with another {what}"):
            chosen(tmp_path, origin, fits=fits)
        assert folder.is_dir()


def test_a_checkpoint_of_another_problem_type_is_named_by_it(tmp_path: Path) -> None:
    folder = save(tmp_path, 5, problem_type="regression")
    with pytest.raises(UserError, match=r"another problem_type \(regression, while this job's is single_label"):
        chosen(tmp_path, Origin("other", "other", "other"), problem_type="single_label_classification")
    with pytest.raises(UserError, match="another train channel"):
        chosen(tmp_path, Origin("other", "other", "other"), problem_type="regression")
    assert folder.is_dir()


def test_a_checkpoint_of_this_job_whose_weights_do_not_fit_is_set_aside(tmp_path: Path) -> None:
    save(tmp_path, 5)
    assert chosen(tmp_path, fits=False) is None
    assert (tmp_path / SET_ASIDE / "checkpoint-5").is_dir()


def arguments(tmp_path: Path, batch: int, accumulation: int = 1) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(tmp_path),
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=accumulation,
        use_cpu=True,
    )


def test_a_start_anew_takes_the_rows_that_were_asked_for(tmp_path: Path) -> None:
    assert rows_per_step(arguments(tmp_path, 8, accumulation=2), None) == 16


@pytest.mark.parametrize(("batch", "accumulation"), [(16, 1), (8, 2), (32, 1), (5, 4)])
def test_a_resumed_one_takes_those_of_the_checkpoint(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, batch: int, accumulation: int
) -> None:
    args = arguments(tmp_path, batch)
    with caplog.at_level(logging.INFO):
        assert rows_per_step(args, Checkpoint(tmp_path, 5, 2, 16, ORIGIN)) == 16
    assert args.gradient_accumulation_steps == accumulation
    assert "the checkpoint is of 2 ranks, this start has 1" in caplog.text
