"""Serves a text classifier by ONNX Runtime and uvicorn, as teams write it themselves, for benchmarks/inference.py.

    python -m benchmarks.peers.onnx_server MODEL ONNX_FILE PORT

Each request is a forward pass of its own in a thread, since such servers have no batching across requests. Texts are
cut to 512 tokens or the model's positions. POST /invocations takes {"inputs": text or list of texts} and returns
[{"label", "score"}].
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from tokenizers import Tokenizer

from contract.files import read_json

MAX_LENGTH = 512


class Classifier:
    """A tokenizer and a session of ONNX Runtime with its default number of threads, that of the cores."""

    def __init__(self, folder: Path, file: Path) -> None:
        config = read_json(folder / "config.json", "configuration")
        self.names = {int(number): name for number, name in config["id2label"].items()}
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(min(MAX_LENGTH, config.get("max_position_embeddings", MAX_LENGTH)))
        self.tokenizer.enable_padding(pad_id=config["pad_token_id"])
        self.session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        self.inputs = [item.name for item in self.session.get_inputs()]

    def predict(self, texts: list[str]) -> list[dict[str, Any]]:
        """The best label of each text, and its probability."""
        encoded = self.tokenizer.encode_batch(texts)
        columns = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
        values = {name: np.array([getattr(one, columns[name]) for one in encoded], np.int64) for name in self.inputs}
        logits = self.session.run(["logits"], values)[0]
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares = powers / powers.sum(axis=1, keepdims=True)
        return [{"label": self.names[int(row.argmax())], "score": float(row.max())} for row in shares]


def application(classifier: Classifier) -> Starlette:
    """The HTTP application."""

    async def invocations(request: Request) -> JSONResponse:
        inputs = (await request.json())["inputs"]
        texts = [inputs] if isinstance(inputs, str) else inputs
        return JSONResponse(await run_in_threadpool(classifier.predict, texts))

    return Starlette(routes=[Route("/invocations", invocations, methods=["POST"])])


def main() -> None:
    """Run the server."""
    folder, file, port = sys.argv[1:]
    classifier = Classifier(Path(folder), Path(file))
    uvicorn.run(application(classifier), host="127.0.0.1", port=int(port), log_level="error", access_log=False)


if __name__ == "__main__":
    main()
