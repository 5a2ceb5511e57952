"""The three stages of the demo (processing, training, serving), each run as a child process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from contract.files import read_json, write_json
from contract.local_server import free_port, predict, wait_until_ready
from contract.paths import Paths

SPLITS = ("train", "validation", "test")
START_LIMIT = 120  # seconds


def environment(root: Path, folder: Path, paths: Paths, online: bool) -> dict[str, str]:
    """The environment variables that the images set, with TMPDIR inside `folder`."""
    temporary = folder / "tmp"
    temporary.mkdir(parents=True)
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(root),
        "PYTHONUNBUFFERED": "1",
        "SAGEMAKER_BASE_DIR": str(paths.base),
        "SAGEMAKER_TRAINING_MODULE": "training.launch:main",
        "TMPDIR": str(temporary),
        "HF_HUB_OFFLINE": "0" if online else "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }


def run(stage: str, command: Sequence[str], environ: Mapping[str, str]) -> None:
    """Run one entry point and print its log lines with the prefix `stage`; exit if it fails."""
    print(f"\n== {stage}: {' '.join(command)}")
    started = time.monotonic()
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None  # noqa: S101 (for the type checker)
        for line in process.stdout:
            print(f"   {stage} | {line}", end="", flush=True)
    if process.returncode:
        sys.exit(f"demo: {stage} failed with exit status {process.returncode}")
    print(f"== {stage}: {time.monotonic() - started:.0f} s")


def process(environ: Mapping[str, str], paths: Paths, arguments: Sequence[str]) -> None:
    """Run processing, and print the row counts of its report."""
    run("processing", ["python", "-m", "processing", *arguments], environ)
    rows = read_json(paths.processing_report / "report.json", "report")["rows"]
    print(f"   read {rows['read']:,} rows, kept {rows['kept']:,}; filtered {rows['filtered'] or 'none'}; ", end="")
    print(f"rejected {rows['rejected'] or 'none'}; wrote {paths.processing_train.parent}")


def train(environ: Mapping[str, str], paths: Paths, hyperparameters: Mapping[str, str], metric: str) -> None:
    """Copy the splits to the training channels, as S3 does, run training, and print its `metric` on validation."""
    for split in SPLITS:
        shutil.copytree(paths.base / "processing" / split, paths.channel(split))
    write_json(paths.hyperparameters, dict(hyperparameters))
    run("training", ["python", "-m", "training", "train"], environ)
    metrics = read_json(paths.output_data / "metrics.json", "metrics")["metrics"]
    print(f"   validation {metric} {metrics[f'eval_{metric}']:.3f}; wrote {paths.model}")


def serve(environ: Mapping[str, str], texts: Sequence[str | Mapping[str, str]]) -> None:
    """Serve the model that training wrote, send it `texts` or pairs, and print the predictions."""
    port = free_port()
    with server(environ, port) as address:
        print(f"   ready at {address}; sending {len(texts)} texts")
        for text, prediction in zip(texts, predict(address, texts), strict=True):
            print(f"   {shown(prediction)}  {text if isinstance(text, str) else ' / '.join(text.values())}")


def shown(prediction: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> str:
    """Label and score of a prediction, or of each of several labels."""
    labels = [prediction] if isinstance(prediction, Mapping) else prediction
    return ", ".join(f"{label['label']} {label['score']:.3f}" for label in labels) or "no label"


@contextmanager
def server(environ: Mapping[str, str], port: int) -> Iterator[str]:
    """Run the server and yield its address once it is ready; its log is in the temporary folder."""
    command = ["python", "-m", "inference", "serve"]
    log_file = Path(environ["TMPDIR"]) / "inference.log"
    print(f"\n== inference: {' '.join(command)} (log: {log_file})")
    with log_file.open("w") as log:
        variables = {**environ, "SAGEMAKER_BIND_TO_PORT": str(port)}
        process = subprocess.Popen(command, env=variables, stdout=log, stderr=subprocess.STDOUT)
        try:
            address = f"http://127.0.0.1:{port}"
            if not wait_until_ready(process, address, START_LIMIT):
                sys.exit(f"demo: the server did not start; the end of its log:\n{log_file.read_text()[-2000:]}")
            yield address
        finally:
            process.terminate()
            process.wait()
