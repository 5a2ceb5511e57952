"""Small training jobs for the benchmarks of durability: prepared once by processing, started as often as needed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from benchmarks import models
from contract.files import read_json, write_json
from contract.paths import Paths
from examples.demo.model import write_model
from examples.demo.reviews import write_reviews

ROOT = Path(__file__).parents[1]
SPLITS = ("train", "validation", "test")
MAX_LENGTH = 32
# Figures that the clock gives, or that are of the last start alone.
MEASURED = re.compile("runtime|per_second|padding_share")
WANTED_VARIABLES = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}


def prepare(folder: Path, rows: int, pretrained: Path | None = None) -> Path:
    """Made-up reviews, processed, and a model: the input folder of a job, `folder`/input.

    Args:
        folder: to be made.
        rows: of all splits together.
        pretrained: folder of the model; None makes a small untrained one.
    """
    raw = folder / "processing" / "input" / "reviews.tsv.gz"
    write_reviews(raw, rows)
    model = folder / "input" / "data" / "model"
    if pretrained is None:
        write_model(model, raw, "review_body", MAX_LENGTH)
    else:
        # Copied, since containers see this folder alone; of the folder's other files a training reads none.
        model.mkdir(parents=True)
        for name in models.FILES:
            shutil.copyfile(pretrained / name, model / name)
    command = [sys.executable, "-m", "processing", "--tokenizer", str(model), "--max-length", str(MAX_LENGTH)]
    command += ["--label-threshold", "4", "--label-names", "NEGATIVE,POSITIVE"]
    subprocess.run(command, env=environment(Paths(folder)), check=True, stdout=subprocess.DEVNULL)
    for split in SPLITS:
        shutil.move(folder / "processing" / split, folder / "input" / "data" / split)
    return folder / "input"


def create(folder: Path, inputs: Path, hyperparameters: Mapping[str, Any]) -> Paths:
    """A job in `folder` with links to the channels of `inputs`."""
    paths = Paths(folder)
    paths.channels.mkdir(parents=True)
    for channel in (inputs / "data").iterdir():
        (paths.channels / channel.name).symlink_to(channel.resolve())
    write_json(paths.hyperparameters, {name: str(value) for name, value in hyperparameters.items()})
    return paths


def environment(paths: Paths) -> dict[str, str]:
    """Of an entry point on the folders of `paths`."""
    return {
        **os.environ,
        **WANTED_VARIABLES,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "SAGEMAKER_BASE_DIR": str(paths.base),
        "SAGEMAKER_TRAINING_MODULE": "training.launch:main",
    }


def start(paths: Paths) -> subprocess.Popen[str]:
    """The training image's entry point; its log comes through the pipe."""
    command = [sys.executable, "-m", "training", "train"]
    return subprocess.Popen(
        command, env=environment(paths), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def kill(process: subprocess.Popen[str]) -> str:
    """SIGKILL to the launcher and all that it started, as the end of a container is. Returns the unread log."""
    try:
        parent = psutil.Process(process.pid)
        # Stopped first, it starts no more of them and hears of no one's end.
        parent.suspend()
        for victim in [*parent.children(recursive=True), parent]:
            victim.kill()
    except psutil.NoSuchProcess:
        pass
    return process.communicate()[0]


def outcome(paths: Paths) -> dict[str, Any]:
    """What a training came to: its weights' SHA-256, its metrics, and its history line by line."""
    content = read_json(paths.output_data / "metrics.json", "metrics")
    return {
        "weights": hashlib.sha256((paths.model / "model.safetensors").read_bytes()).hexdigest(),
        "metrics": settled(content["metrics"]),
        "history": [settled(entry) for entry in content["history"]],
    }


def settled(figures: Mapping[str, Any]) -> dict[str, Any]:
    """`figures` without what is measured; text instead of numbers, so that NaN equals itself."""
    return {name: json.dumps(value) for name, value in figures.items() if not MEASURED.search(name)}


def difference(expected: Mapping[str, Any], found: Mapping[str, Any]) -> Sequence[str]:
    """The parts of two outcomes that differ."""
    return [name for name in expected if expected[name] != found[name]]
