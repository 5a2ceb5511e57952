"""Chooses the engine of the forward pass: torch, or ONNX Runtime with an exported model, in fp32 or int8.

`auto` uses the files that training exported (hyperparameter export_onnx). SERVING_ENGINE=onnxruntime or
SERVING_DTYPE=int8 export at load where there are none, into a folder of this server's run. Before an exported model
is used, its logits are compared with those of torch.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from contract import onnx_export
from contract.card import CARD_FILE, Card
from contract.cpu import INT8_FLAGS
from contract.failures import UserError, first_line
from contract.onnx_export import FLOAT32_FILE, INT8_FILE, ONNX_FOLDER, ExportError
from inference.device import Device
from inference.options import RUN_FOLDER_VARIABLE, ServingOptions
from inference.worker.forward_pass import ForwardPass
from inference.worker.isolation import TEXTS, relative
from inference.worker.loading import LoadedModel
from inference.worker.onnx_model import OnnxModel
from inference.worker.request import Text
from inference.worker.tokenization import Encoded

# Largest difference to torch's logits on the probe, relative to the largest logit. For int8, which rounds, it only
# shows a file that is broken; how much accuracy int8 costs is measured by training.
TOLERANCE = {FLOAT32_FILE: 1e-4, INT8_FILE: 0.5}
# Most bytes of models that were exported at load and are kept for the next start of a worker.
MOST_CACHED = 4 * 1024**3
# Tokens of the probe's longest row.
LONGEST = 512

log = logging.getLogger(__name__)


def choose(
    loaded: LoadedModel, folder: Path, options: ServingOptions, threads: int, flags: frozenset[str]
) -> LoadedModel:
    """`loaded` with the model of the chosen engine in it.

    Args:
        loaded: the torch model, in float32 if the engine may be ONNX Runtime.
        folder: the model folder.
        threads: CPU cores of this worker.
        flags: of this CPU, as contract.cpu.cpu_flags returns them.

    Raises:
        UserError: ONNX Runtime or int8 was asked for, and the model cannot be exported or gives other logits.
    """
    asked = is_required(options)
    if options.engine == "torch" or (options.compile and not asked):
        return loaded
    try:
        file = exported_file(loaded, folder, options, flags)
        if file is None:
            return loaded
        return checked(loaded, file, folder, threads)
    except ExportError as error:
        if asked:
            name = "SERVING_DTYPE=int8" if options.dtype == "int8" else "SERVING_ENGINE=onnxruntime"
            raise UserError(
                f"{name}, but ONNX Runtime cannot run model folder {folder}: {error}; "
                "expected SERVING_ENGINE=torch and another dtype"
            ) from None
        log.warning("engine torch: %s", error)
        return loaded


def is_required(options: ServingOptions) -> bool:
    """Whether the options demand ONNX Runtime, so that torch is no alternative."""
    return options.engine == "onnxruntime" or options.dtype == "int8"


def exported_file(loaded: LoadedModel, folder: Path, options: ServingOptions, flags: frozenset[str]) -> Path | None:
    """The ONNX file to use; None for torch.

    Raises:
        ExportError: the model is on a GPU, has no padding token, or its export failed.
    """
    asked = is_required(options)
    if loaded.device.is_gpu:
        if asked:
            raise ExportError("it is on a GPU, and this image runs ONNX Runtime on CPUs only")
        return None
    name = INT8_FILE if int8_allowed(folder, options, flags) else FLOAT32_FILE
    if name == FLOAT32_FILE and loaded.device.dtype != torch.float32:
        return None
    file = folder / ONNX_FOLDER / name
    if not asked and not file.is_file():
        return None
    if loaded.pad_id is None:
        raise ExportError("its configuration has no pad_token_id, which an exported model needs")
    return file if file.is_file() else cached(folder) / name


def int8_allowed(folder: Path, options: ServingOptions, flags: frozenset[str]) -> bool:
    """Whether int8 was asked for, or dtype is auto and training has measured that it costs little accuracy."""
    if options.dtype != "auto":
        return options.dtype == "int8"
    if not (folder / CARD_FILE).is_file() or not (folder / ONNX_FOLDER / INT8_FILE).is_file():
        return False
    if not flags & INT8_FLAGS:
        log.info("not int8: the CPU has no instructions for int8 products (%s)", ", ".join(sorted(INT8_FLAGS)))
        return False
    loss = Card.read(folder).int8_accuracy_loss
    if loss is None or loss > options.int8_loss:
        log.info("not int8: accuracy loss %s points, at most %g allowed", loss, options.int8_loss)
        return False
    return True


def checked(loaded: LoadedModel, file: Path, folder: Path, threads: int) -> LoadedModel:
    """`loaded` with the exported model in `file`.

    Raises:
        ExportError: the file was not exported from the weights in `folder`, cannot be run, or gives other logits.
    """
    try:
        model = OnnxModel(file, loaded.model.config, threads)
        if model.metadata(onnx_export.WEIGHTS) != onnx_export.digest(folder):
            raise ExportError(f"{file} was exported from other weights")
        dtype = torch.int8 if file.name == INT8_FILE else torch.float32
        exported = replace(loaded, model=model, device=Device(loaded.device.device, dtype))
        difference = largest_difference(loaded, exported)
    except ExportError:
        raise
    except Exception as error:  # onnxruntime has an exception of its own for each of its status codes
        raise ExportError(f"{file} cannot be run: {first_line(error)}") from None
    # NaN is no smaller than the tolerance.
    if not difference <= TOLERANCE[file.name]:
        raise ExportError(f"{file} gives other logits than torch, by up to {difference:.2g} of the largest logit")
    log.info("engine onnxruntime: %s, logits within %.1g of torch's", file, difference)
    return exported


def largest_difference(loaded: LoadedModel, exported: LoadedModel) -> float:
    """The largest difference of the logits, relative to the largest one: of rows alone, and of a padded batch."""
    rows = loaded.tokenizer.encode([Text(text) for text in (*TEXTS, "word " * LONGEST)], loaded.max_length)
    batches = [*([row] for row in rows), rows]
    return max(relative(logits(loaded, batch), logits(exported, batch)) for batch in batches)


def logits(loaded: LoadedModel, rows: Sequence[Encoded]) -> torch.Tensor:
    """Logits [rows, labels] of one forward pass."""
    forward = ForwardPass(loaded)
    forward.choose_padding(rows)
    return forward.once(rows)


def cached(folder: Path) -> Path:
    """Folder with the exported model, made by the first worker that needs it and kept while the server runs.

    Raises:
        ExportError: the export failed.
    """
    root = Path(os.environ.get(RUN_FOLDER_VARIABLE) or tempfile.gettempdir()) / "onnx"
    target = root / onnx_export.digest(folder)
    if target.is_dir():
        os.utime(target)
        return target
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=root) as name:
        part = Path(name) / "model"
        onnx_export.run(folder, part)
        make_room(root, size(part))
        try:
            part.rename(target)
        except OSError:
            # Another worker was faster.
            if not target.is_dir():
                raise
    return target


def make_room(root: Path, needed: int) -> None:
    """Delete the models that were used longest ago, until `needed` bytes more are within MOST_CACHED."""
    models = [path for path in root.iterdir() if not path.name.startswith(".")]
    models.sort(key=lambda path: path.stat().st_mtime)
    total = sum(map(size, models))
    for path in models:
        if total + needed <= MOST_CACHED:
            break
        total -= size(path)
        shutil.rmtree(path, ignore_errors=True)


def size(folder: Path) -> int:
    """Bytes of the files in `folder`."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
