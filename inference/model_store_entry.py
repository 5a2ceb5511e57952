"""The stub folder that is registered with multi-model-server and names the model's real folder.

Multi-model-server puts the registered folder on its workers' PYTHONPATH, before the standard library.
A stub that only names the model's folder keeps the model's files off that path.
"""

from __future__ import annotations

from pathlib import Path

from contract.files import read_json, write_json

STUB_FILE = "serving.json"


def write(store: Path, name: str, model_folder: Path) -> None:
    """Write the stub folder `name` into the model store `store`."""
    write_json(store / name / STUB_FILE, {"model": str(model_folder)})


def model_folder(folder: Path) -> Path:
    """Read the path of the model's folder from the stub folder `folder`."""
    return Path(read_json(folder / STUB_FILE, "stub")["model"])
