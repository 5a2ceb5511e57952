"""The inference image's self-test: serves a tiny model, compares its answers, and stops the server."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from contract import checks
from contract.failures import UserError
from contract.local_server import ask, free_port, wait_until_ready
from contract.paths import Paths
from contract.selftest import LIMIT, Check, environment, expect, failure, main
from contract.small_bert import write_model

LABELS = ("NEGATIVE", "POSITIVE")
MAX_LENGTH = 16
TEXTS = ("A lovely kettle.", "A dull kettle.", "The handle is dull, the kettle is lovely.")
# The server may compute in 16 bits.
TOLERANCE = 0.02
# Settings of a launcher that would have the server serve something else.
OTHER_MODELS = ("SAGEMAKER_MULTI_MODEL", "HF_MODEL_ID", "SAGEMAKER_PROGRAM")


def start(environ: Mapping[str, str]) -> int:
    """Run the self-test; returns the exit status."""
    own = [Check("Java", java), Check("serving", job)]
    return main("inference", [*checks.host(environ), *checks.accelerators(), *own])


def java() -> str:
    """Version of the Java runtime.

    Raises:
        UserError: there is none, or it does not start.
    """
    try:
        done = subprocess.run(["java", "-version"], capture_output=True, text=True, timeout=60, check=False)
    except OSError as error:
        raise UserError(f"java does not start: {error.strerror}") from None
    expect(done.returncode == 0, f"java -version ended with status {done.returncode}")
    return done.stderr.partition("\n")[0]


def job() -> str:
    """A made-up model, served by the image's own entry point.

    Raises:
        UserError: the server does not start, answers otherwise than the model, or does not stop.
    """
    with tempfile.TemporaryDirectory(prefix="selftest-") as folder:
        paths = Paths(Path(folder))
        expected = made_up(paths.model)
        with served(paths) as address:
            answers = ask(address, TEXTS)
    for answer, score in zip(answers, expected, strict=True):
        found = answer["score"] if answer["label"] == LABELS[1] else 1 - answer["score"]
        expect(abs(found - score) < TOLERANCE, f"the server says {found:.3f} where the model says {score:.3f}")
    return f"{len(answers)} answers, as the model gives them by itself"


def made_up(folder: Path) -> list[float]:
    """Write a model of random weights; returns its probability of the second label for each of TEXTS."""
    import torch
    from transformers import AutoTokenizer, BertForSequenceClassification
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    torch.manual_seed(0)
    # Spread far enough for texts to score apart.
    config = write_model(folder, TEXTS, MAX_LENGTH, id2label=dict(enumerate(LABELS)), initializer_range=0.3)
    model = BertForSequenceClassification(config).eval()
    model.save_pretrained(folder)
    batch = AutoTokenizer.from_pretrained(folder)(list(TEXTS), padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        return model(**batch).logits.softmax(-1)[:, 1].tolist()


@contextmanager
def served(paths: Paths) -> Iterator[str]:
    """The server's address, once it is ready. It is stopped at the end, and must then end in order."""
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
        expect(server.wait(LIMIT) == 0, f"the server ended with status {server.returncode} when it was stopped")
    finally:
        server.kill()
        server.wait()
