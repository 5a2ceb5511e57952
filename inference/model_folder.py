"""Finds the model in the model data: at the top, or in the only folder with one; tells weights from other files."""

from __future__ import annotations

from pathlib import Path

from contract.failures import UserError
from inference.options import CODE_FOLDER

CONFIG_FILE, ADAPTER_CONFIG_FILE = "config.json", "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model"
SAFETENSORS, PICKLES = "*.safetensors", "pytorch_model*.bin"
# Name of the weights that are not divided into several files, which transformers prefers.
WHOLE_WEIGHTS = "model.safetensors"
# What macOS's tar and Finder add to archives: a file with attributes, named as the real one.
MACOS_PREFIX, MACOS_FOLDER = "._", "__MACOSX"


def top(folder: Path) -> Path:
    """The folder that holds what the archive was made of: `folder`, or the one inside with a model, if it has none.

    Raises:
        UserError: several folders inside have a model.
    """
    return folder if (folder / CODE_FOLDER).is_dir() else locate(folder)


def locate(folder: Path) -> Path:
    """The folder with the model's files: `folder`, or the only one inside with a model; `folder` if there is none.

    Raises:
        UserError: several folders inside have a model.
    """
    if has_model(folder):
        return folder
    places = model_folders(folder)
    if len(places) > 1:
        names = ", ".join(place.name for place in places[:5])
        raise UserError(
            f"model folder {folder} has {len(places)} models, in the folders {names}; expected one, or {CONFIG_FILE} "
            "and weights at the top"
        )
    return places[0] if places else folder


def model_folders(folder: Path) -> list[Path]:
    """The folders in `folder` with a model, in alphabetical order."""
    inside = sorted(place for place in folder.iterdir() if place.is_dir() and not is_of_macos(place))
    return [place for place in inside if has_model(place)]


def has_model(folder: Path) -> bool:
    """Whether the folder has the configuration of a model or of an adapter."""
    return (folder / CONFIG_FILE).is_file() or (folder / ADAPTER_CONFIG_FILE).is_file()


def is_of_macos(path: Path) -> bool:
    """Whether macOS added the file or folder to the archive."""
    return path.name.startswith(MACOS_PREFIX) or path.name == MACOS_FOLDER


def weights(folder: Path, pattern: str) -> list[str]:
    """Sorted names of the weight files of a whole model, such as *.safetensors; without those of an adapter."""
    paths = (path for path in folder.glob(pattern) if not is_of_macos(path))
    return sorted(path.name for path in paths if not path.name.startswith(ADAPTER_WEIGHTS))


def base_folder(folder: Path) -> Path | None:
    """The folder with the base model of the adapter in `folder`: that one, or the only one inside with a model."""
    if (folder / CONFIG_FILE).is_file() and weights(folder, SAFETENSORS):
        return folder
    inside = [place for place in model_folders(folder) if weights(place, SAFETENSORS)]
    return inside[0] if len(inside) == 1 else None


def loaded_weights(folder: Path) -> list[Path]:
    """The weight files that are loaded from the model data in `folder`: of a model, or of an adapter and its base.

    If it has no model, or more than one, all weights below: only code of its own can load them.
    """
    try:
        place = locate(folder)
    except UserError:
        place = folder
    if not has_model(place):
        return [path for pattern in (SAFETENSORS, PICKLES) for path in folder.rglob(pattern) if not is_of_macos(path)]
    base, adapter = place, []
    if (place / ADAPTER_CONFIG_FILE).is_file():
        base, adapter = base_folder(place) or place, list(place.glob(f"{ADAPTER_WEIGHTS}*.safetensors"))
    names = weights(base, SAFETENSORS) or weights(base, PICKLES)
    return [*adapter, *(base / name for name in ([WHOLE_WEIGHTS] if WHOLE_WEIGHTS in names else names))]
