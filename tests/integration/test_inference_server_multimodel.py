"""A multi-model endpoint by the HTTP contract of SageMaker."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import requests
from inference_server import Server, running
from transformers import pipeline
from unit.inference.tiny import write_model

pytestmark = pytest.mark.integration

LABELS = {"stars": ("ONE", "FIVE"), "moods": ("SAD", "GLAD"), "topics": ("FILM", "BOOK", "GAME")}
TEXTS = ["good film", "the very dull end of the story", "x"]
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ml")
    for name, labels in LABELS.items():
        write_model(folder / "models" / name / "model", labels)
    return folder


@pytest.fixture(scope="module")
def server(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(base, tmp_path_factory.mktemp("log") / "log", SAGEMAKER_MULTI_MODEL="true") as server:
        server.wait()
        yield server


def load(server: Server, base: Path, name: str, folder: str | None = None) -> requests.Response:
    url = base / "models" / (folder or name) / "model"
    return server.post({"model_name": name, "url": str(url)}, "/models", Content_Type="application/json")


def listed(server: Server) -> list[str]:
    return [model["modelName"] for model in requests.get(f"{server.url}/models", timeout=10).json()["models"]]


def memory(server: Server) -> int:
    """Memory in bytes of the server and all its processes, with shared pages counted once."""
    return sum(process.memory_full_info().pss for process in [psutil.Process(server.process.pid), *server.workers])


def test_three_models_from_load_to_unload(server: Server, base: Path) -> None:
    assert listed(server) == []
    assert server.post({"inputs": "a"}, "/models/stars/invoke").status_code == 404
    with ThreadPoolExecutor(3) as clients:
        answers = list(clients.map(lambda name: load(server, base, name), LABELS))
    assert [answer.status_code for answer in answers] == [200] * 3
    assert listed(server) == sorted(LABELS)
    described = requests.get(f"{server.url}/models/stars", timeout=10).json()
    assert described == {"modelName": "stars", "modelUrl": str(base / "models" / "stars" / "model")}
    assert load(server, base, "stars").status_code == 409

    for name in LABELS:
        check_answers(server, base, name)
    check_unload(server, base)


def check_answers(server: Server, base: Path, name: str) -> None:
    expected = pipeline("text-classification", str(base / "models" / name / "model"), truncation=True, max_length=32)
    answer = server.post({"inputs": TEXTS}, f"/models/{name}/invoke", X_Amzn_SageMaker_Target_Model=f"{name}.tar.gz")
    assert [one["label"] for one in answer.json()] == [one["label"] for one in expected(TEXTS)]
    bad = server.post("{", f"/models/{name}/invoke")
    assert bad.status_code == 400
    assert bad.json()["error"]["code"] == "bad_request"


def check_unload(server: Server, base: Path) -> None:
    """Check that unloading frees a worker's memory at once and does not affect other models."""
    before, workers = memory(server), server.workers
    assert len(workers) == 3
    assert requests.delete(f"{server.url}/models/moods", timeout=30).status_code == 200
    gone = [worker for worker in workers if not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE]
    assert len(gone) == 1
    assert before - memory(server) > 50 * MIB
    assert listed(server) == ["stars", "topics"]
    for answer in (
        requests.delete(f"{server.url}/models/moods", timeout=30),
        requests.get(f"{server.url}/models/moods", timeout=30),
        server.post({"inputs": "a"}, "/models/moods/invoke"),
    ):
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "not_found"
    check_answers(server, base, "stars")


def test_a_name_can_be_reused_for_another_model(server: Server, base: Path) -> None:
    assert load(server, base, "moods", "topics").status_code == 200
    answer = server.post({"inputs": TEXTS[0]}, "/models/moods/invoke")
    assert answer.json()[0]["label"] in LABELS["topics"]
    assert requests.delete(f"{server.url}/models/moods", timeout=30).status_code == 200
    assert len(server.workers) == len(listed(server)) == 2
    assert "Traceback" not in server.log.read_text()


def test_models_that_cannot_load_get_an_error_status(server: Server, base: Path, tmp_path: Path) -> None:
    models = base / "models"
    huge, broken = models / "huge" / "model", models / "broken" / "model"
    for folder in (huge, broken):
        shutil.copytree(models / "stars" / "model", folder)
    with (huge / "model.safetensors").open("wb") as weights:
        weights.truncate(1 << 42)
    (broken / "tokenizer.json").write_text((broken / "tokenizer.json").read_text().replace('"dull"', '"dumb"'))
    before = listed(server)
    for answer, status in (
        (load(server, base, "huge"), 507),
        (load(server, base, "broken"), 400),
        (load(server, base, "nowhere"), 400),
        (server.post({"model_name": "x", "url": str(tmp_path)}, "/models"), 400),
        (server.post({"model_name": "x", "url": f"{models}/../.."}, "/models"), 400),
        (server.post({"model_name": 3, "url": str(huge)}, "/models"), 400),
        (server.post("[" * 100_000, "/models"), 400),
    ):
        assert answer.status_code == status, answer.text
        assert str(base) not in answer.json()["error"]["message"]
    assert "expected the tokenizer that the model was trained with" in load(server, base, "broken").text
    assert listed(server) == before
    assert len(server.workers) == len(before)
    assert server.ping() == 200


def test_a_killed_worker_is_replaced_and_the_other_models_answer(server: Server, base: Path) -> None:
    before = listed(server)
    assert len(before) == 2
    lost, other = server.workers
    lost.kill()
    deadline = time.monotonic() + 60
    while sorted(status(server, name) for name in before) != [200, 200] or lost.pid in pids(server):
        assert time.monotonic() < deadline
        assert 200 in {status(server, name) for name in before}
        time.sleep(0.1)
    assert listed(server) == before
    assert other.pid in pids(server)
    for name in before:
        check_answers(server, base, name)


def status(server: Server, name: str) -> int:
    return server.post({"inputs": "good"}, f"/models/{name}/invoke").status_code


def pids(server: Server) -> set[int]:
    return {worker.pid for worker in server.workers}


def test_sigterm_ends_the_server(server: Server) -> None:
    assert server.stop() == 0
    assert list(server.temporary.iterdir()) == []
