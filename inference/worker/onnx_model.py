"""OnnxModel: runs a classifier exported to ONNX by ONNX Runtime on CPUs, in place of the transformers model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnxruntime
import torch

WARNING = 3  # onnxruntime's level of errors: its warnings are about its own optimizations
# On CPUs, SkipLayerNormalization takes ten times as long as the Add and the LayerNormalization that it replaces.
SLOW_OPTIMIZERS = ["SkipLayerNormFusion"]


@dataclass(frozen=True)
class Output:
    """The part of transformers' SequenceClassifierOutput that the server uses: logits [rows, labels], float32."""

    logits: torch.Tensor


class OnnxModel:
    """An exported classifier, called as a transformers model is called.

    ONNX Runtime fixes the number of threads of a session when it is created. ParallelPasses runs a pass either in a
    thread of its pool, on one core, or alone on all cores, and tells torch so in each thread; the session is chosen
    by that. Two sessions hold the weights twice.

    Args:
        path: the ONNX file, with the output `logits`.
        config: the transformers configuration of the model.
        threads: CPU cores of this worker.
    """

    def __init__(self, path: Path, config: Any, threads: int) -> None:
        self.config = config
        self._sessions = {count: session(path, count) for count in {1, threads}}
        self._all = self._sessions[threads]
        self._inputs = [item.name for item in self._all.get_inputs()]

    def __call__(self, **inputs: torch.Tensor) -> Output:
        """Logits for int64 tensors [rows, length]; inputs of the graph that are not given are 0.

        Raises:
            ValueError: the graph has no such input.
        """
        unknown = sorted(inputs.keys() - set(self._inputs))
        if unknown:
            raise ValueError(f"the exported model has no input {unknown[0]}")
        zeros = torch.zeros_like(inputs["input_ids"])
        values = {name: inputs.get(name, zeros).numpy() for name in self._inputs}
        (logits,) = self._sessions.get(torch.get_num_threads(), self._all).run(["logits"], values)
        return Output(torch.from_numpy(logits))

    def metadata(self, name: str) -> str | None:
        """An entry of the file's metadata; None if there is none."""
        found = self._all.get_modelmeta().custom_metadata_map.get(name)
        return None if found is None else str(found)


def session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """A session with `threads` threads, which sleep between requests: the HTTP front needs the cores then."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = WARNING
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"], disabled_optimizers=SLOW_OPTIMIZERS
    )
