"""The inference image's self-test: serves a tiny model, compares its responses, and stops the server."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from contract import checks
from contract.local_server import free_port, predict, wait_until_ready
from contract.paths import Paths
from contract.selftest import LIMIT, Check, environment, expect, failure, main
from contract.small_bert import write_model

LABELS = ("NEGATIVE", "POSITIVE")
MAX_LENGTH = 16
TEXTS = ("A lovely kettle.", "A dull kettle.", "The handle is dull, the kettle is lovely.")
# The server may compute in 16 bits.
TOLERANCE = 0.02
# Variables with which the server would serve another model than the self-test's; they are unset.
OTHER_MODELS = ("SAGEMAKER_MULTI_MODEL", "HF_MODEL_ID", "SAGEMAKER_PROGRAM")


def start(environ: Mapping[str, str]) -> int:
    """Run the self-test; returns the exit status."""
    own = [Check("serving", job)]
    return main("inference", [*checks.host(environ), *checks.accelerators(), *own])


def job() -> str:
    """Serve a random model by the image's entry point and compare the responses with the model's own scores.

    Raises:
        UserError: the server does not start, its scores differ from the model's, or it does not stop.
    """
    with tempfile.TemporaryDirectory(prefix="selftest-") as folder:
        paths = Paths(Path(folder))
        expected = write_random_model(paths.model)
        with served(paths) as address:
            predictions = predict(address, TEXTS)
    for prediction, score in zip(predictions, expected, strict=True):
        served_score = prediction["score"] if prediction["label"] == LABELS[1] else 1 - prediction["score"]
        message = f"the server's score is {served_score:.3f}, that of the model alone is {score:.3f}"
        expect(abs(served_score - score) < TOLERANCE, message)
    return f"{len(predictions)} predictions, equal to those of the model alone"


def write_random_model(folder: Path) -> list[float]:
    """Write a model with random weights; returns its probability of the second label for each of TEXTS."""
    import torch
    from transformers import AutoTokenizer, BertForSequenceClassification
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    torch.manual_seed(0)
    # An initializer_range with which the texts get clearly different scores.
    config = write_model(folder, TEXTS, MAX_LENGTH, id2label=dict(enumerate(LABELS)), initializer_range=0.3)
    model = BertForSequenceClassification(config).eval()
    model.save_pretrained(folder)
    batch = AutoTokenizer.from_pretrained(folder)(list(TEXTS), padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        return model(**batch).logits.softmax(-1)[:, 1].tolist()


@contextmanager
def served(paths: Paths) -> Iterator[str]:
    """Run the server and yield its address once it is ready; at the end stop it and check its exit status."""
    port, log = free_port(), paths.base / "server.log"
    environ = environment(paths.base, SAGEMAKER_BIND_TO_PORT=str(port))
    environ = {name: value for name, value in environ.items() if name not in OTHER_MODELS}
    with log.open("w") as file:
        command = [sys.executable, "-m", "inference", "serve"]
        server = subprocess.Popen(command, env=environ, stdout=file, stderr=subprocess.STDOUT)
    try:
        address = f"http://127.0.0.1:{port}"
        if not wait_until_ready(server, address, LIMIT):
            raise failure("the server did not start", log.read_text(errors="replace"))
        yield address
        server.terminate()
        expect(server.wait(LIMIT) == 0, f"the server ended with status {server.returncode} after SIGTERM")
    finally:
        server.kill()
        server.wait()
