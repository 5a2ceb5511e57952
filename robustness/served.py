"""Runs the inference server with a small model, for robustness/fuzz.py and robustness/soak.py."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import servers
from benchmarks.servers import Server
from contract.local_server import free_port
from examples.demo.model import write_model
from examples.demo.reviews import write_reviews

ROOT = Path(__file__).parents[1]
ROWS, MAX_LENGTH = 500, 64
SEED = 7


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Run a server in `folder`, and yield once it responds. Its limits are low, so that requests can exceed them."""
    write_small_model(folder / "ml" / "model")
    environ = {
        "SAGEMAKER_BASE_DIR": str(folder / "ml"),
        "PYTHONPATH": str(ROOT),
        "SERVING_DTYPE": "float32",
        "SERVING_MAX_RECORDS": "2000",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "2",
    }
    command = [sys.executable, "-m", "inference", "serve"]
    with servers.running("inference image", command, free_port(), folder / "s", environ) as server:
        yield server


def write_small_model(folder: Path) -> None:
    """Write an untrained classifier with random weights; its predictions only have to be reproducible."""
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    reviews = folder.parent / "reviews.tsv.gz"
    write_reviews(reviews, ROWS)
    write_model(folder, reviews, "review_body", MAX_LENGTH)
    torch.manual_seed(SEED)
    # A large initializer_range, with which texts get different scores, so that swapped responses are noticed.
    config = AutoConfig.from_pretrained(folder, initializer_range=0.3)
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)


def texts(count: int) -> list[str]:
    """`count` distinct short texts."""
    source = random.Random(SEED)
    words = ("good", "bad", "dull", "bright", "film", "tent", "handle", "superb", "dreadful")
    return [f"{' '.join(source.choices(words, k=source.randrange(1, 30)))} {number}" for number in range(count)]
