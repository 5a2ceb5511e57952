"""Exports a text classifier to ONNX, in fp32 and int8, in a process of its own: python -m contract.onnx_export.

Training exports into the model folder, inference where the folder has no exported files. The exporter is that of
torch.export (dynamo=True): TorchScript's fails on the masks of transformers 5.5.
"""

from __future__ import annotations

import hashlib
import logging
import re
import subprocess
import sys
from inspect import signature
from pathlib import Path
from typing import Any

from contract.failures import UserError, first_line

# Folder in a model folder, and its files, under the names of Hugging Face Optimum.
ONNX_FOLDER = "onnx"
FLOAT32_FILE = "model.onnx"
INT8_FILE = "model_quantized.onnx"
# Entry of a file's metadata: digest of the weights that it was exported from.
WEIGHTS = "weights_sha256"
# A file of ONNX holds less than 2 GiB (protobuf's limit).
MOST_BYTES = 2_000_000_000
# Most seconds for one export.
LIMIT = 300
# Dynamic axes are traced with two rows of different lengths.
TRACED = (2, 9)
# Escape sequences for colours on a terminal, which torch.onnx puts into its messages.
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
ROOT = Path(__file__).parents[1]

log = logging.getLogger(__name__)


class ExportError(Exception):
    """A model cannot be exported; the text says why, in one line."""


def run(folder: Path, output: Path, seconds: float = LIMIT) -> None:
    """Export the classifier in `folder` by a process, so that its memory is free afterwards and its end is no matter.

    Args:
        output: folder that gets FLOAT32_FILE and INT8_FILE.

    Raises:
        ExportError: the model has no safetensors or is too large, the exporter does not support it, or it took more
            than `seconds`.
    """
    command = [sys.executable, "-m", __name__, str(folder.resolve()), str(output.resolve())]
    try:
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise ExportError(f"its export took more than {seconds:.0f} s") from None
    if ended.returncode:
        lines = ended.stderr.strip().splitlines() or [f"exit status {ended.returncode}"]
        raise ExportError(f"its export failed: {lines[-1]}")


def digest(folder: Path) -> str:
    """Hexadecimal SHA-256 of the weights (*.safetensors) and the configuration in `folder`."""
    total = hashlib.sha256()
    for path in (*sorted(folder.glob("*.safetensors")), folder / "config.json"):
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def export(folder: Path, output: Path) -> None:
    """Write FLOAT32_FILE and INT8_FILE to `output`.

    Raises:
        ExportError: the weights are no safetensors, or too large for a file, or there is no padding token.
    """
    from contract import onnx_int8

    weights = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    if not 0 < weights <= MOST_BYTES:
        raise ExportError(f"it has {weights} bytes of safetensors, expected 1 to {MOST_BYTES}")
    model = load(folder)
    if model.config.get_text_config().pad_token_id is None:
        raise ExportError("its configuration has no pad_token_id, which an exported model needs")
    output.mkdir(parents=True, exist_ok=True)
    write_float32(model, output / FLOAT32_FILE)
    if not onnx_int8.quantize(output / FLOAT32_FILE, output / INT8_FILE):
        raise ExportError("its graph has no products by constant matrices, which int8 is for")
    for name in (FLOAT32_FILE, INT8_FILE):
        mark(output / name, digest(folder))


def load(folder: Path) -> Any:
    """The transformers model in `folder`, in fp32, with the attention that gives the shortest graph."""
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(
        folder,
        dtype="float32",
        attn_implementation="eager",
        use_safetensors=True,
        local_files_only=True,
        trust_remote_code=False,
    ).eval()
    model.config.get_text_config().use_cache = False
    return model


def input_names(model: Any) -> list[str]:
    """Names of the inputs that the graph gets: token_type_ids only where the model has embeddings for them."""
    known = signature(model.forward).parameters
    types = getattr(model.config, "type_vocab_size", None) or 0
    return ["input_ids", "attention_mask", *(["token_type_ids"] if "token_type_ids" in known and types > 1 else [])]


def write_float32(model: Any, path: Path) -> None:
    """Export `model`, with any number and any length of rows."""
    import torch

    class Logits(torch.nn.Module):  # type: ignore[misc]
        """`model` with its logits alone as the output; torch 2.9 exports named parameters only."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any = None) -> Any:
            types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
            return self.model(input_ids=input_ids, attention_mask=attention_mask, **types).logits

    inputs = example(model)
    axes = dict.fromkeys((0, 1), torch.export.Dim.DYNAMIC)
    program = torch.onnx.export(
        Logits().eval(),
        (),
        kwargs=inputs,
        dynamo=True,
        input_names=list(inputs),
        output_names=["logits"],
        dynamic_shapes=dict.fromkeys(inputs, axes),
        verbose=False,
    )
    program.save(str(path))


def example(model: Any) -> dict[str, Any]:
    """Inputs to trace, int64 [rows, length], of which the second row is padded."""
    import torch

    ids = torch.ones(TRACED, dtype=torch.int64)
    mask = torch.ones_like(ids)
    mask[1, -3:] = 0
    pad = model.config.get_text_config().pad_token_id
    ids[1, -3:] = 0 if pad is None else pad
    values = {"input_ids": ids, "attention_mask": mask, "token_type_ids": torch.zeros_like(ids)}
    return {name: values[name] for name in input_names(model)}


def mark(path: Path, weights: str) -> None:
    """Record the digest of the weights in a file's metadata."""
    import onnx

    model = onnx.load(path)
    onnx.helper.set_model_props(model, {WEIGHTS: weights})
    onnx.save(model, path)


def first_cause(error: BaseException) -> BaseException:
    """The exception that led to `error`; torch.onnx's own names only the step that failed."""
    while error.__cause__:
        error = error.__cause__
    return error


def main() -> int:
    """Export; on failure the last line of stderr says why."""
    folder, output = map(Path, sys.argv[1:])
    try:
        export(folder, output)
    except (ExportError, UserError) as error:
        print(error, file=sys.stderr)
        return 1
    except Exception as error:  # the exporter raises what torch and onnxscript raise
        cause = first_cause(error)
        print(f"{type(cause).__name__}: {COLOUR.sub('', first_line(cause))}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
