"""The servers that benchmarks/inference.py compares: the inference image's, and three others that teams use.

Each peer has a virtual environment of its own, since the toolkit (2.6.0) and infinity (0.0.77) import names that later
versions of transformers removed:

    python3 -m venv toolkit
    toolkit/bin/pip install torch==2.13.0 'transformers<5' 'setuptools<81' multi-model-server==1.1.11 \\
        sagemaker-inference==1.10.1 sagemaker-huggingface-inference-toolkit==2.6.0
    python3 -m venv infinity
    infinity/bin/pip install torch==2.13.0 'infinity-emb[torch,server]==0.0.77' 'transformers==4.48.3' 'optimum<2' \\
        'click<8.2' onnxruntime==1.32.0

The second one has what benchmarks/peers/onnx_server.py imports, too.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import servers
from benchmarks.servers import INVOCATION, Probe, Server
from contract.local_server import free_port
from contract.onnx_export import FLOAT32_FILE, ONNX_FOLDER

ROOT = Path(__file__).parents[1]
IMAGE, TOOLKIT = "inference image", "Hugging Face toolkit"
INFINITY, ONNX = "infinity", "ONNX Runtime and uvicorn"


def invocation(texts: Sequence[str], single: bool) -> dict[str, Any]:
    """Body of a request for transformers' text-classification pipeline."""
    return {"inputs": texts[0] if single else list(texts), "parameters": {"truncation": True}}


def classify(texts: Sequence[str], single: bool) -> dict[str, Any]:  # noqa: ARG001 (infinity takes lists only)
    """Body of a request to infinity's /classify, https://michaelfeil.eu/infinity."""
    return {"input": list(texts), "model": "default"}


@dataclass(frozen=True)
class Contender:
    """A server and the requests that it takes.

    Attributes:
        server: the running server.
        path: path of the URL.
        body: the JSON body of a request for texts; the second argument says whether one text is sent as such.
    """

    server: Server
    path: str = INVOCATION.path
    body: Callable[[Sequence[str], bool], dict[str, Any]] = invocation

    @property
    def name(self) -> str:
        """Name in the table."""
        return self.server.name


@dataclass(frozen=True)
class Contest:
    """What is compared, on which model.

    Attributes:
        model: folder of a text classifier.
        dtype: SERVING_DTYPE of the image's server.
        toolkit, infinity, onnx: interpreters of the peers' environments; None leaves the peer out.
    """

    model: Path
    dtype: str
    toolkit: str | None = None
    infinity: str | None = None
    onnx: str | None = None

    @contextlib.contextmanager
    def started(self, folder: Path) -> Iterator[list[Contender]]:
        """Run all servers, below `folder`; the toolkit's starts first, as it exits if multi-model-server runs."""
        shutil.copytree(self.model, folder / "ml" / "model")
        with contextlib.ExitStack() as stack:
            peers = []
            if self.toolkit:
                peers.append(stack.enter_context(run_toolkit(self.toolkit, folder)))
            if self.infinity:
                peers.append(stack.enter_context(run_infinity(self.infinity, folder)))
            if self.onnx:
                peers.append(stack.enter_context(run_onnx(self.onnx, folder)))
            yield [stack.enter_context(run_image(self.dtype, folder)), *peers]


def environ(folder: Path) -> dict[str, str]:
    """Environment variables of every server; no model is looked up on the hub."""
    return {"SAGEMAKER_BASE_DIR": str(folder / "ml"), "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}


@contextlib.contextmanager
def run_image(dtype: str, folder: Path) -> Iterator[Contender]:
    """Run the image's server with its defaults and SERVING_DTYPE=`dtype`."""
    command, own = [sys.executable, "-m", "inference", "serve"], {**environ(folder), "SERVING_DTYPE": dtype}
    with servers.running(IMAGE, command, free_port(), folder / "o", own) as server:
        yield Contender(server)


@contextlib.contextmanager
def run_toolkit(interpreter: str, folder: Path) -> Iterator[Contender]:
    """Run the toolkit's server, which finds multi-model-server and the Python of its workers on PATH."""
    path = f"{Path(interpreter).parent}{os.pathsep}{os.environ['PATH']}"
    command = [interpreter, str(ROOT / "benchmarks" / "peers" / "toolkit_inference.py")]
    port = low_port()
    with servers.running(TOOLKIT, command, port, folder / "p", {**environ(folder), "PATH": path}) as server:
        yield Contender(server)


def low_port() -> int:
    """A free port for multi-model-server, which refuses those above 32767 (Java's Short.MAX_VALUE)."""
    for port in range(20_000, 2**15):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("", port))
            return port
    sys.exit("no port from 20000 to 32767 is free")


@contextlib.contextmanager
def run_infinity(interpreter: str, folder: Path) -> Iterator[Contender]:
    """Run infinity's server with the torch engine and its other defaults."""
    port = free_port()
    command = [str(Path(interpreter).parent / "infinity_emb"), "v2", "--model-id", str(folder / "ml" / "model")]
    command += ["--served-model-name", "default", "--engine", "torch", "--device", "cpu"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    probe = Probe("/classify", json.dumps(classify(["Are you there?"], single=True)).encode())
    with servers.running(INFINITY, command, port, folder / "i", environ(folder), probe) as server:
        yield Contender(server, probe.path, classify)


@contextlib.contextmanager
def run_onnx(interpreter: str, folder: Path) -> Iterator[Contender]:
    """Run benchmarks/peers/onnx_server.py with the model that training exported in fp32.

    Raises:
        SystemExit: the model folder has no exported model.
    """
    model, port = folder / "ml" / "model", free_port()
    file = model / ONNX_FOLDER / FLOAT32_FILE
    if not file.is_file():
        sys.exit(f"--model has no {ONNX_FOLDER}/{FLOAT32_FILE}, expected a folder that training wrote with export_onnx")
    command = [interpreter, "-m", "benchmarks.peers.onnx_server", str(model), str(file), str(port)]
    with servers.running(ONNX, command, port, folder / "u", environ(folder)) as server:
        yield Contender(server)
