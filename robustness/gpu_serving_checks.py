"""Checks of serving on a GPU, for robustness/gpu_check.py: scores in bf16 against fp32, number of workers."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks import servers
from benchmarks.gpu_inputs import Inputs
from contract.failures import UserError
from contract.local_server import free_port, predict
from contract.machine import gpus
from contract.selftest import Check, expect
from inference.device import default_workers

ROOT = Path(__file__).parents[1]
TEXTS, TEXTS_OF_A_REQUEST = 256, 32
# Of a score: bf16 has 8 bits of precision, and the rounding of 6 to 12 layers adds up.
LARGEST, MEAN = 0.1, 0.01


@dataclass(frozen=True)
class ServingChecks:
    """Serves a model in two precisions.

    Attributes:
        folder: existing, for the servers.
        inputs: rows, whose texts are sent.
        model: folder of the classifier.
    """

    folder: Path
    inputs: Inputs
    model: Path

    def checks(self) -> list[Check]:
        """The checks, in order."""
        return [Check("serving in bf16", self.precision), Check("workers", workers)]

    def precision(self) -> str:
        """The server's scores in bf16 are those in fp32 but for rounding.

        Raises:
            UserError: they are not, or a server does not start.
        """
        expect(self.model.is_dir(), f"the model to serve, {self.model.name}, was not trained")
        exact, rounded = self.scores("float32"), self.scores("bfloat16")
        differences = [abs(one - other) for one, other in zip(exact, rounded, strict=True)]
        largest, mean = max(differences), sum(differences) / len(differences)
        said = f"scores of {len(exact)} texts differ by {mean:.1e} in the mean and {largest:.1e} at most"
        expect(largest <= LARGEST and mean <= MEAN, f"{said}, expected {MEAN} and {LARGEST}")
        return said

    def scores(self, dtype: str) -> list[float]:
        """The score of the second class of each text, served with weights of `dtype`."""
        place = self.folder / dtype
        (place / "ml").mkdir(parents=True)
        (place / "ml" / "model").symlink_to(self.model)
        environ = {"SAGEMAKER_BASE_DIR": str(place / "ml"), "PYTHONPATH": str(ROOT), "SERVING_DTYPE": dtype}
        texts = [row.text for row in self.inputs.rows[:TEXTS]]
        command, port = [sys.executable, "-m", "inference", "serve"], free_port()
        found: list[float] = []
        try:
            with servers.running(dtype, command, port, place / "s", environ):
                for start in range(0, len(texts), TEXTS_OF_A_REQUEST):
                    found += map(
                        of_second_class, predict(f"http://127.0.0.1:{port}", texts[start:][:TEXTS_OF_A_REQUEST])
                    )
        except SystemExit as error:
            raise UserError(str(error)) from None
        return found


def of_second_class(prediction: dict[str, object]) -> float:
    """The score of class 1 in a prediction of one of two classes, which training names by their numbers."""
    score = float(str(prediction["score"]))
    return score if str(prediction["label"]).endswith("1") else 1 - score


def workers() -> str:
    """The server starts a worker for each GPU that nvidia-smi lists, which are those that PyTorch sees.

    Raises:
        UserError: the numbers differ.
    """
    import torch

    found, seen = len(gpus("index", "name")), torch.cuda.device_count()
    expect(found == seen or "CUDA_VISIBLE_DEVICES" in os.environ, f"nvidia-smi lists {found} GPUs, PyTorch sees {seen}")
    expect(default_workers() == max(found, 1), f"{default_workers()} workers would start for {found} GPUs")
    return f"{default_workers()} worker(s) for {found} GPU(s)"
