"""Loads the weights of a classifier by transformers, strictly: missing tensors and other shapes are errors."""

from __future__ import annotations

import logging
import pickle  # only for UnpicklingError
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from contract.failures import UserError, first_line
from inference.device import Device
from inference.model_folder import CONFIG_FILE, SAFETENSORS, weights

log = logging.getLogger(__name__)


def read_model(folder: Path, device: Device) -> Any:
    """Load the classifier in `folder` by AutoModelForSequenceClassification.

    If config.json names no labels, their number is that of the weights.

    Raises:
        UserError: the files cannot be read; tensors of the model are missing, which would be random, or have other
            shapes.
    """
    model, loading = from_pretrained(folder, device)
    count = number_of_labels(model, loading)
    if count is not None:
        log.warning("%s has no id2label and no num_labels; number of labels by the weights: %d", CONFIG_FILE, count)
        model, loading = from_pretrained(folder, device, num_labels=count)
    check_shapes(folder, loading)
    missing = sorted(loading["missing_keys"])
    if missing:
        raise UserError(
            f"model folder {folder} has no weights for {and_more(missing)}; "
            "expected a model trained for text classification"
        )
    return model


def from_pretrained(location: Path | str, device: Device, **settings: Any) -> tuple[Any, dict[str, Any]]:
    """The model of a folder, or of the hub's cache, and transformers' account of what was loaded.

    Raises:
        UserError: it cannot be loaded.
    """
    # Imported late: it takes seconds, and the checks before it report a missing model.
    import transformers
    from safetensors import SafetensorError

    safetensors = bool(weights(location, SAFETENSORS)) if isinstance(location, Path) else True
    arguments = {"local_files_only": True, "weights_only": True, "output_loading_info": True} | settings
    try:
        with quiet_transformers():
            model, loading = transformers.AutoModelForSequenceClassification.from_pretrained(
                location,
                use_safetensors=safetensors,
                dtype=device.dtype,
                trust_remote_code=False,
                # They are reported, by check_shapes.
                ignore_mismatched_sizes=True,
                **arguments,
            )
    except pickle.UnpicklingError:
        raise UserError(
            f"model folder {location} has weights that hold more than tensors; expected *.safetensors"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, ImportError, RuntimeError, SafetensorError) as error:
        raise UserError(f"model folder {location} cannot be loaded: {first_line(error)}") from None
    if unused := sorted(loading["unexpected_keys"]):
        log.warning("weights that are not part of the model are ignored: %s", and_more(unused))
    return model, loading


def and_more(names: list[str]) -> str:
    """The first name and the number of the others, if any: `a`, or `a and 2 more`."""
    return f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0]


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Turn off transformers' progress bars, whose carriage returns a log keeps as lines, and its tables of tensors."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)


def number_of_labels(model: Any, loading: dict[str, Any]) -> int | None:
    """The number of labels of the weights, if config.json names none and they have another number than the default.

    None if the model needs no other number, or another one would not make the shapes match.
    """
    defaults = {index: f"LABEL_{index}" for index in range(model.config.num_labels)}
    counts = {rows for rows, *_ in (shape for _, shape, _ in loading["mismatched_keys"])}
    expected = {rows for rows, *_ in (shape for *_, shape in loading["mismatched_keys"])}
    if len(counts) == 1 and expected == {model.config.num_labels} and model.config.id2label == defaults:
        return int(counts.pop())
    return None


def check_shapes(folder: Path, loading: dict[str, Any]) -> None:
    """Check that the weights have the shapes that config.json gives.

    Raises:
        UserError: a tensor has another shape; names it.
    """
    mismatched = sorted(loading["mismatched_keys"])
    if mismatched:
        name, actual, expected = mismatched[0]
        raise UserError(
            f"model folder {folder} has weights {name} of shape {list(actual)}, {CONFIG_FILE} gives {list(expected)}; "
            "expected the configuration of these weights, with all labels in id2label"
        )
