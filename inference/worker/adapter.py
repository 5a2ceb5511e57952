"""Loads a LoRA or other PEFT adapter by peft and merges it into its base model, to serve both as one model."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from contract.failures import UserError, first_line
from contract.files import read_json
from inference.device import Device
from inference.model_folder import ADAPTER_CONFIG_FILE, base_folder
from inference.worker.weights import from_pretrained

ADAPTER_FILE = "adapter_model.safetensors"
# Weights of classification heads of transformers, whose rows are the labels.
HEADS = ("classifier.weight", "score.weight", "out_proj.weight", "logits_proj.weight")

log = logging.getLogger(__name__)


def is_adapter(folder: Path) -> bool:
    """Whether `folder` has an adapter."""
    return (folder / ADAPTER_CONFIG_FILE).is_file()


def read_merged(folder: Path, device: Device, label_count: int | None, environ: Mapping[str, str]) -> Any:
    """The base model of the adapter in `folder` with the adapter merged into it.

    Args:
        label_count: number of labels that the card names; None without a card, then it is that of the adapter's head.

    Raises:
        UserError: files are missing or unreadable, the base is neither in the folder nor on the hub, or neither base
            nor adapter has a classification head.
    """
    if not (folder / ADAPTER_FILE).is_file():
        raise UserError(f"model folder {folder} has an adapter without {ADAPTER_FILE}; expected it in that format")
    count = label_count or head_rows(folder)
    base, missing = read_base(folder, device, {} if count is None else {"num_labels": count}, environ)
    untrained = sorted(missing - adapted(folder))
    if untrained:
        raise UserError(
            f"model folder {folder}: neither the adapter nor its base has weights for {untrained[0]}; "
            "expected an adapter for text classification, with its head in modules_to_save"
        )
    return merged(base, folder)


def merged(base: Any, folder: Path) -> Any:
    """`base` with the adapter in `folder` merged into its weights.

    Raises:
        UserError: peft is not installed, or cannot load or merge the adapter.
    """
    try:
        # Imported late: few models need it, and a base image may lack it.
        from peft import PeftModel
    except ImportError:
        raise UserError(
            f"model folder {folder} has an adapter, which needs the package peft; expected an image with it, "
            "or the adapter merged into its base"
        ) from None
    try:
        model = PeftModel.from_pretrained(base, folder, local_files_only=True).merge_and_unload()
    except Exception as error:  # peft raises errors of many types, of torch and of its own
        raise UserError(f"model folder {folder}: the adapter cannot be merged: {first_line(error)}") from None
    log.info("adapter merged into its base model %s", base.name_or_path)
    return model


def read_base(
    folder: Path, device: Device, settings: dict[str, Any], environ: Mapping[str, str]
) -> tuple[Any, set[str]]:
    """The base model of the adapter in `folder`, and the names of the tensors that its files lack.

    Raises:
        UserError: it is neither in the folder nor on the hub, or cannot be loaded.
    """
    location = base_location(folder, environ)
    if isinstance(location, str):
        # The hub's client writes to its cache; a container may have no other writable folder than this.
        cache = None if environ.get("HF_HOME") else str(Path(tempfile.gettempdir()) / "hub")
        settings = {**settings, "local_files_only": False, "cache_dir": cache}
    with without_adapter(location, folder) as place:
        model, loading = from_pretrained(place, device, **settings)
    missing = {*loading["missing_keys"], *(name for name, *_ in loading["mismatched_keys"])}
    return model, missing


@contextmanager
def without_adapter(location: Path | str, folder: Path) -> Iterator[Path | str]:
    """`location`; if it is the adapter's own `folder`, one with links to the other files of it.

    From a folder with an adapter, transformers loads the base that the adapter names, and does not merge it.
    """
    if location != folder:
        yield location
        return
    with tempfile.TemporaryDirectory(prefix="base-") as temporary:
        for path in folder.iterdir():
            if path.is_file() and not path.name.startswith("adapter_"):
                (Path(temporary) / path.name).symlink_to(path.resolve())
        yield Path(temporary)


def base_location(folder: Path, environ: Mapping[str, str]) -> Path | str:
    """The folder of the adapter's base model, or its name on the hub where HF_HUB_OFFLINE=0 allows that.

    Raises:
        UserError: it is in neither.
    """
    if (base := base_folder(folder)) is not None:
        return base
    name = str(read_json(folder / ADAPTER_CONFIG_FILE, "adapter").get("base_model_name_or_path") or "")
    if name and environ.get("HF_HUB_OFFLINE") == "0" and not Path(name).is_absolute():
        return name
    raise UserError(
        f"model folder {folder} has an adapter, but not its base model {name!r}; expected the base in a folder "
        "inside it, the adapter merged into its base, or HF_HUB_OFFLINE=0 to download the base"
    )


def adapted(folder: Path) -> set[str]:
    """Names in the base model of the tensors that the adapter replaces as a whole (modules_to_save)."""
    return {name.removeprefix("base_model.model.") for name in shapes(folder)}


def head_rows(folder: Path) -> int | None:
    """Number of labels of the classification head in the adapter; None if it has none."""
    return next((shape[0] for name, shape in shapes(folder).items() if name.endswith(HEADS)), None)


def shapes(folder: Path) -> dict[str, list[int]]:
    """The shape of each tensor of the adapter.

    Raises:
        UserError: its file cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / ADAPTER_FILE, "pt") as file:
            return {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError) as error:
        raise UserError(f"model folder {folder}: {ADAPTER_FILE} cannot be read: {first_line(error)}") from None
