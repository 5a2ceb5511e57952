"""The folder that is registered with multi-model-server: it names the model's real folder.

The server puts the registered folder on its workers' PYTHONPATH, before the standard library.
A stub that only names the model's folder keeps the model's files off that path.
"""

from __future__ import annotations

from pathlib import Path

from contract.files import read_json, write_json

STUB_FILE = "serving.json"


def write(store: Path, name: str, model_folder: Path) -> None:
    """Write the stub `name` into `store`."""
    write_json(store / name / STUB_FILE, {"model": str(model_folder)})


def model_folder(folder: Path) -> Path:
    """The model's folder that the stub in `folder` names."""
    return Path(read_json(folder / STUB_FILE, "stub")["model"])
