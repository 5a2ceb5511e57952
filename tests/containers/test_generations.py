"""What the images of one generation of bases write, those of the other read: splits, checkpoints, cards and models.

It builds the images of both, and so runs on the next generation alone: IMAGE_BASE=standin-next.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from containers.conftest import build
from containers.engine import docker
from containers.mounted import SPLITS, hyperparameters, labels, run, serving, stopped

BASE = os.environ.get("IMAGE_BASE", "standin")
TEXTS = ("The handle is superb. I would buy this tent again.", "The zip is dreadful. I sent this tent back.")
TRAINING = {"train_batch_size": "16", "learning_rate": "1e-3", "logging_steps": "1"}

pytestmark = [
    pytest.mark.both_bases,
    pytest.mark.skipif(not BASE.endswith("-next"), reason="IMAGE_BASE names no next generation of base images"),
]


@pytest.fixture(scope="module")
def released() -> dict[str, str]:
    """The images on the released generation, with a version of their own, so that both are there."""
    return build("--base", BASE.removesuffix("-next"), "--version", "0-released")


@pytest.fixture(params=["released, then next", "next, then released"])
def order(request: pytest.FixtureRequest, released: dict[str, str], images: dict[str, str]) -> list[dict[str, str]]:
    """The images that write, and those that read."""
    return [released, images] if request.param.startswith("released") else [images, released]


def libraries(image: str) -> dict[str, str]:
    """Versions of the libraries of an image, as --version prints them."""
    return dict(json.loads(docker("run", "--rm", "--network", "none", image, "--version"))["libraries"])


def test_a_training_continues_on_the_other_generation_and_is_served(
    order: list[dict[str, str]], inputs: Path, job: Path, tmp_path: Path
) -> None:
    writing, reading = order
    assert libraries(writing["training"])["transformers"] != libraries(reading["training"])["transformers"]
    for split in SPLITS:
        shutil.copytree(job / "processing" / split, tmp_path / "input" / "data" / split)
    shutil.copytree(inputs / "model", tmp_path / "input" / "data" / "model")
    hyperparameters(tmp_path, epochs="200", **TRAINING)
    step = stopped(writing["training"], tmp_path)
    hyperparameters(tmp_path, epochs="1", max_steps=str(step + 120), **TRAINING)
    finished = run(reading["training"], tmp_path)
    assert finished.returncode == 0, finished.stdout
    training = json.loads((tmp_path / "model" / "card.json").read_text())["training"]
    assert (training["steps"], training["resumed_from"]) == (step + 120, step)
    with serving(writing["inference"], tmp_path / "model") as server:
        assert labels(server, *TEXTS) == ["POSITIVE", "NEGATIVE"]
