"""Serving for benchmarks/gpu_bench.py: the image's server under 1 to 256 clients, against the forward pass alone."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import servers
from benchmarks.load import LoadResult, quantile
from contract.local_server import free_port

ROOT = Path(__file__).parents[1]
CLIENTS = (64, 1, 8, 256)
# Processes that send requests: one cannot send thousands a second.
SENDERS = 4
BATCH = 64
Figures = dict[str, Any]


@dataclass(frozen=True)
class ServingBench:
    """Serves one model.

    Attributes:
        folder: not yet existing, for what the server writes; a short path.
        model: folder of the classifier.
        texts: of the requests, cut to about as many tokens as `tokens`.
        tokens: most tokens of a text.
        seconds: of each measurement.
        clients: numbers of clients.
    """

    folder: Path
    model: Path
    texts: Sequence[str]
    tokens: int
    seconds: float
    clients: Sequence[int] = CLIENTS

    def measure(self) -> Iterator[Figures]:
        """Figures of the forward pass and of the toolkit's handler, then of the server, as they come."""
        self.folder.mkdir(parents=True)
        texts, requests = self.folder / "texts", self.folder / "requests"
        texts.write_text("".join(json.dumps(text) + "\n" for text in self.texts), encoding="utf-8")
        settings = {"truncation": True, "max_length": self.tokens}
        bodies = (json.dumps({"inputs": text, "parameters": settings}) + "\n" for text in self.texts)
        requests.write_text("".join(bodies), encoding="utf-8")
        alone = output(start("benchmarks.gpu_forward", self.model, texts, self.tokens, BATCH, self.seconds))
        for program, rate in alone.items():
            yield {"program": program, "rate": rate}
        with self.server() as port:
            for clients in self.clients:
                load(port, requests, clients, self.seconds / 4)
                yield {"program": "server", "clients": clients, **load(port, requests, clients, self.seconds)}

    @contextlib.contextmanager
    def server(self) -> Iterator[int]:
        """Run the image's server with its defaults; yields its port."""
        (self.folder / "ml").mkdir()
        (self.folder / "ml" / "model").symlink_to(self.model.resolve())
        environ = {"SAGEMAKER_BASE_DIR": str(self.folder / "ml"), "PYTHONPATH": str(ROOT)}
        command, port = [sys.executable, "-m", "inference", "serve"], free_port()
        with servers.running("inference image", command, port, self.folder / "s", environ):
            yield port


def load(port: int, requests: Path, clients: int, seconds: float) -> Figures:
    """Send requests from `clients` clients in several processes; texts/s and latencies in ms over all of them."""
    senders = min(SENDERS, clients)
    shares = [clients // senders + (place < clients % senders) for place in range(senders)]
    started = [start("benchmarks.load", port, requests, share, seconds) for share in shares]
    results = [LoadResult(**output(process)) for process in started]
    served = sum(result.requests for result in results)
    return {
        "rate": sum(result.requests / result.seconds for result in results),
        "failures": sum(result.failures for result in results),
        "requests": served,
        # Of processes of the same number of clients: the median of the medians, and the worst of the rest.
        "p50": 1000 * quantile(sorted(result.p50 for result in results), 0.5),
        "p99": 1000 * max(result.p99 for result in results),
    }


def start(module: str, *arguments: object) -> subprocess.Popen[str]:
    """Start `module` as a process that prints one JSON value."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def output(process: subprocess.Popen[str]) -> Any:
    """The JSON value that a process printed.

    Raises:
        SystemExit: it failed.
    """
    printed = process.communicate()[0]
    if process.returncode:
        sys.exit(f"{process.args!r} failed with {process.returncode}")
    return json.loads(printed)
