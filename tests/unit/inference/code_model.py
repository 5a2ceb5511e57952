"""Model folders whose own code answers, so that a worker process starts without loading torch."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[3]

# Answers with the text in capitals. Some texts make the worker process end or hang.
CODE = """
import os, time
def model_fn(model_dir):
    {load}
    return model_dir
def predict_fn(data, model):
    if data["inputs"] == "end": os._exit(3)
    if data["inputs"] == "hang": time.sleep(60)
    return data["inputs"].upper()
"""


def write_code_model(folder: Path, load: str = "pass") -> Path:
    """Write a model folder whose model_fn executes the statement `load`."""
    (folder / "code").mkdir(parents=True, exist_ok=True)
    (folder / "code" / "inference.py").write_text(CODE.format(load=load))
    return folder


def environment(**variables: str) -> dict[str, str]:
    """Environment variables of a worker process."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **variables}
