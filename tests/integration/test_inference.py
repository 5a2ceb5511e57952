"""The inference server as SageMaker runs it: requests to /ping and /invocations, SIGTERM at the end."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import inference_server
import pytest
import requests
from inference_server import Server
from transformers import pipeline
from unit.inference.tiny import write_model

pytestmark = pytest.mark.integration

TEXTS = ["the film was good", "bad", "the very dull end of the story " * 20, "bright good story", "a", "x y z"]


RUNNING: list[subprocess.Popen[str]] = []


@pytest.fixture(scope="module", autouse=True)
def nothing_left_running() -> Iterator[None]:
    """End servers that a failed test left."""
    yield
    for process in RUNNING:
        process.terminate()
        process.wait(30)
    RUNNING.clear()


def start(base: Path, log: Path, **variables: str) -> Server:
    server = inference_server.start(base, log, **variables)
    RUNNING.append(server.process)
    return server


@pytest.fixture(scope="module")
def server(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = start(
        base, tmp_path_factory.mktemp("log") / "log", SERVING_MAX_RECORDS="100", SAGEMAKER_MAX_PAYLOAD_IN_MB="1"
    )
    try:
        running.wait()
        yield running
    finally:
        assert running.stop() == 0
        assert list(running.temporary.iterdir()) == []
        assert list(base.iterdir()) == [base / "model"]


@pytest.fixture(scope="module")
def reference(base: Path) -> Any:
    return pipeline("text-classification", str(base / "model"), truncation=True, max_length=32)


def close(answer: Any, expected: Any) -> None:
    """Whether two responses have the same structure and labels, and scores within 1e-5."""
    flat, flat_expected = json.dumps(answer), json.dumps(expected)
    number = re.compile(r"\d+\.\d+(?:e-?\d+)?")
    assert number.sub("#", flat) == number.sub("#", flat_expected)
    pairs = zip(number.findall(flat), number.findall(flat_expected), strict=True)
    assert all(abs(float(one) - float(other)) < 1e-5 for one, other in pairs)


@pytest.mark.parametrize("inputs", [TEXTS[0], TEXTS, {"text": "good film", "text_pair": "bad end"}])
@pytest.mark.parametrize(
    "parameters",
    [{}, {"top_k": None}, {"top_k": 1}, {"function_to_apply": "sigmoid"}, {"top_k": 2, "function_to_apply": "none"}],
)
def test_predictions_equal_the_pipelines(
    server: Server, reference: Any, inputs: Any, parameters: dict[str, Any]
) -> None:
    answer = server.post({"inputs": inputs, "parameters": parameters}, Content_Type="application/json")
    assert answer.status_code == 200
    close(answer.json(), reference(inputs, **parameters))


def test_max_length_of_a_request_truncates_its_texts(server: Server, reference: Any) -> None:
    answer = server.post({"inputs": TEXTS, "parameters": {"max_length": 5}}, Content_Type="application/json")
    close(answer.json(), reference(TEXTS, truncation=True, max_length=5))
    assert answer.headers["X-Amzn-SageMaker-Custom-Attributes"] == "truncated=2"


def test_eight_clients_share_batches_and_get_their_own_predictions(server: Server, reference: Any) -> None:
    texts = [f"{word} {index} story" for index in range(40) for word in ("good", "bad", "dull")]
    expected = reference(texts)
    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda text: server.post({"inputs": text}).json(), texts))
    for answer, one in zip(answers, expected, strict=True):
        close(answer, [one])
    sizes = [json.loads(line)["requests"] for line in re.findall(r"batch ({.*})", server.log.read_text())]
    assert max(sizes) > 1
    assert "story" not in server.log.read_text()


def test_an_invalid_request_does_not_affect_others_of_the_batch(server: Server, reference: Any) -> None:
    bodies = [json.dumps({"inputs": TEXTS[0]}), "{", json.dumps({"inputs": 3})] * 10
    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda body: server.post(body), bodies))
    assert [answer.status_code for answer in answers] == [200, 400, 400] * 10
    for answer in answers[::3]:
        close(answer.json(), reference(TEXTS[0]))


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        ("{", {}, 400, "bad_request"),
        ('{"inputs": 1}', {}, 400, "bad_request"),
        ('{"inputs": []}', {}, 400, "bad_request"),
        ('{"inputs": "a", "parameters": {"topk": 1}}', {}, 400, "bad_request"),
        (b"\xff\xfe", {"Content_Type": "text/plain"}, 400, "bad_request"),
        ("<a/>", {"Content_Type": "application/xml"}, 415, "unsupported_media_type"),
        ("a=b", {"Content_Type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
        ('{"inputs": "a"}', {"Accept": "image/png"}, 406, "not_acceptable"),
        (json.dumps({"inputs": ["a"] * 101}), {}, 413, "request_entity_too_large"),
        (json.dumps({"inputs": "a" * (1 << 20)}), {}, 413, "request_entity_too_large"),
    ],
)
def test_an_invalid_request_gets_a_json_error(
    server: Server, body: Any, headers: dict[str, str], status: int, code: str
) -> None:
    answer = server.post(body, **headers)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["code"] == code
    assert error["request_id"] == answer.headers["x-request-id"]
    assert not re.search(r"Traceback|/|\.py", error["message"].replace("application/", "").replace("text/", ""))


def test_nothing_but_the_two_routes_is_reachable(server: Server) -> None:
    for path in ("models", "models/model", "predictions/model", "api-description", ""):
        answer = requests.get(f"{server.url}/{path}", timeout=10)
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "not_found"
    assert requests.get(f"{server.url}/invocations", timeout=10).status_code == 405


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/jsonlines; charset=utf-8", '{"inputs": "good film"}\n"bad"\n{"text": "dull"}\n'),
        ("text/csv", '"good film"\nbad\ndull\n'),
        ("text/csv", 'id,text\n1,"good film"\n2,bad\n3,dull\n'),
        ("text/plain", "good film\nbad\ndull"),
    ],
)
def test_the_response_has_one_line_per_record(server: Server, reference: Any, kind: str, body: str) -> None:
    expected = reference(["good film", "bad", "dull"])
    lines = server.post(body, Content_Type=kind, Accept="application/jsonlines").text.split("\n")
    close([json.loads(line) for line in lines], expected)
    rows = server.post(body, Content_Type=kind, Accept="text/csv").text.split("\n")
    assert [row.split(",")[0] for row in rows] == [one["label"] for one in expected]


def test_the_response_to_instances_has_predictions(server: Server, reference: Any) -> None:
    answer = server.post({"instances": ["good", "bad"]}, Content_Type="application/json").json()
    close(answer, {"predictions": reference(["good", "bad"])})


def test_a_teams_slow_model_from_start_to_stop(base: Path, tmp_path: Path) -> None:
    write_model(tmp_path / "ml" / "model")
    code = tmp_path / "ml" / "model" / "code"
    code.mkdir()
    (code / "inference.py").write_text(
        "import time\n"
        "def model_fn(model_dir):\n    time.sleep(3)\n    return {'answer': 42}\n"
        "def predict_fn(data, model, context):\n    time.sleep(2)\n    return [data['inputs'], model['answer']]\n"
    )
    server = start(tmp_path / "ml", tmp_path / "log")
    assert server.wait().count(503) > 10
    # A worker that ends is replaced; its request gets 503.
    with ThreadPoolExecutor(1) as client:
        lost = client.submit(server.post, {"inputs": "who"})
        time.sleep(1)
        (worker,) = server.workers
        worker.kill()
        assert lost.result().status_code == 503
        assert lost.result().json()["error"]["code"] == "service_unavailable"
    server.wait_until_down()
    server.wait()
    # After SIGTERM a request in flight still gets its response.
    with ThreadPoolExecutor(1) as client:
        answer = client.submit(server.post, {"inputs": "who"})
        time.sleep(1)
        assert server.stop() == 0
        assert answer.result().json() == ["who", 42]
    log = server.log.read_text()
    assert "functions of the model's own code: model_fn, predict_fn" in log


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda model: (model / "model.safetensors").unlink(), "has no *.safetensors"),
        (lambda model: swap_token(model), "expected the tokenizer that the model was trained with"),
    ],
)
def test_a_broken_model_ends_the_server_with_the_reason(tmp_path: Path, spoil: Any, sentence: str) -> None:
    spoil(write_model(tmp_path / "model"))
    server = start(tmp_path, tmp_path / "log")
    assert server.process.wait(60) == 2
    log = (tmp_path / "log").read_text()
    assert sentence in log.splitlines()[-1]
    assert "Traceback" not in log
    assert list(server.temporary.iterdir()) == []


def swap_token(model: Path) -> None:
    path = model / "tokenizer.json"
    path.write_text(path.read_text().replace('"dull"', '"dumb"'))


def test_a_missing_model_is_reported(tmp_path: Path) -> None:
    server = start(tmp_path, tmp_path / "log")
    assert server.process.wait(30) == 2
    assert "no such folder" in (tmp_path / "log").read_text()
