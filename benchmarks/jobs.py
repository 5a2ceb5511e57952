"""Small training jobs for benchmarks and robustness: prepares their inputs, starts and kills them, compares results."""

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
# Metrics that are measured times, or that count only since the last start.
MEASURED = re.compile("runtime|per_second|padding_share")
ENTRY_POINT = (sys.executable, "-m", "training", "train")
VARIABLES = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}


def prepare(folder: Path, rows: int, pretrained: Path | None = None) -> Path:
    """Process generated reviews and prepare a model; returns the input folder of a job, `folder`/input.

    Args:
        folder: folder to create.
        rows: number of rows of all splits together.
        pretrained: folder of the base model; None creates a small untrained one.
    """
    raw = folder / "processing" / "input" / "reviews.tsv.gz"
    write_reviews(raw, rows)
    model = folder / "input" / "data" / "model"
    if pretrained is None:
        write_model(model, raw, "review_body", MAX_LENGTH)
    else:
        # Copied, since containers mount only this folder; training reads no other files of the model.
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
    """Create the folders of a job in `folder`, with links to the channels of `inputs`."""
    paths = Paths(folder)
    paths.channels.mkdir(parents=True)
    for channel in (inputs / "data").iterdir():
        (paths.channels / channel.name).symlink_to(channel.resolve())
    write_json(paths.hyperparameters, {name: str(value) for name, value in hyperparameters.items()})
    return paths


def environment(paths: Paths) -> dict[str, str]:
    """Environment variables of an entry point with the folders of `paths`."""
    return {
        **os.environ,
        **VARIABLES,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "SAGEMAKER_BASE_DIR": str(paths.base),
        "SAGEMAKER_TRAINING_MODULE": "training.launch:main",
    }


def start(paths: Paths, command: Sequence[str] = ENTRY_POINT) -> subprocess.Popen[str]:
    """Start the training image's entry point, or `command` in its place; its stdout is a pipe with the log."""
    return subprocess.Popen(
        command, env=environment(paths), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def kill(process: subprocess.Popen[str]) -> str:
    """Send SIGKILL to the launcher and all its descendants, as at the end of a container; returns the unread log."""
    try:
        parent = psutil.Process(process.pid)
        # Suspended first, so that it neither starts new processes nor notices the end of others.
        parent.suspend()
        for child in [*parent.children(recursive=True), parent]:
            child.kill()
    except psutil.NoSuchProcess:
        pass
    return process.communicate()[0]


def outcome(paths: Paths) -> dict[str, Any]:
    """The results of a training: SHA-256 of its weights, metrics, and history of logged values."""
    content = read_json(paths.output_data / "metrics.json", "metrics")
    return {
        "weights": hashlib.sha256((paths.model / "model.safetensors").read_bytes()).hexdigest(),
        "metrics": reproducible(content["metrics"]),
        "history": [reproducible(entry) for entry in content["history"]],
    }


def reproducible(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics without measured times, as JSON text, so that NaN equals NaN."""
    return {name: json.dumps(value) for name, value in figures.items() if not MEASURED.search(name)}


def difference(expected: Mapping[str, Any], actual: Mapping[str, Any]) -> Sequence[str]:
    """Names of the parts in which two results of `outcome` differ."""
    return [name for name in expected if expected[name] != actual[name]]
