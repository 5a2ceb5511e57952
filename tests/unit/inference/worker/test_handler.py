from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from unit.inference.code_model import environment, write_code_model

from inference.options import ServingOptions
from inference.worker import handler

# As a stock multi-model-server calls it: load, then one batch of two requests.
STOCK = """
import json, sys
from mms.context import Context, RequestProcessor
from inference.worker import handler
context = Context("model", sys.argv[1], None, 2, None, "")
handler.handle(None, context)
context.request_ids = {0: "id-0", 1: "id-1"}
context.request_processor = [RequestProcessor({}), RequestProcessor({})]
bodies = handler.handle([{"body": b'{"inputs": "one"}'}, {"body": b"{"}], context)
for index, body in enumerate(bodies):
    status, kind = context.get_response_status(index)[0], context.get_response_content_type(index)
    print(json.dumps([status, kind, json.loads(body)]))
"""


def test_a_stock_multi_model_server_can_call_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STOCK, str(write_code_model(tmp_path))]
    done = subprocess.run(command, capture_output=True, env=environment(), timeout=60, check=True, text=True)
    first, second = (json.loads(line) for line in done.stdout.splitlines() if line.startswith("["))
    assert first == [200, "application/json", "ONE"]
    assert second[0] == 400
    assert second[2]["error"]["request_id"] == "id-1"


@pytest.mark.parametrize(("use_cpu", "gpu"), [(False, 3), (True, None)])
def test_the_gpu_is_the_contexts_unless_the_cpu_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use_cpu: bool, gpu: int | None
) -> None:
    checked: list[str] = []
    monkeypatch.setattr(handler, "refuse_unusable_gpu", lambda allowance, _: checked.append(allowance))
    monkeypatch.setattr(handler, "load_classifier", lambda _folder, index, _options: index)
    monkeypatch.setattr(handler, "BatchHandler", lambda model, *_: SimpleNamespace(model=model, warm_up=lambda: None))
    context = SimpleNamespace(system_properties={"model_dir": str(tmp_path), "gpu_id": 3})
    loaded: Any = handler.load(tmp_path, context, ServingOptions(use_cpu=use_cpu))
    assert loaded.model == gpu
    assert checked == ([] if use_cpu else ["SERVING_USE_CPU=true"])
