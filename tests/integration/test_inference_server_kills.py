"""Kills a worker under load, and stops the server under load."""

from __future__ import annotations

import signal as signals
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from inference_server import Server, running

pytestmark = pytest.mark.integration

# Most seconds until a killed process is replaced; on a busy machine a multiple of the first start's.
BACK_SECONDS, BACK_STARTS = 15, 3
START_SECONDS: list[float] = []
CLIENTS = 8
TEXTS = [f"{word} {number} story" for number in range(20) for word in ("good", "bad", "dull")]


@pytest.fixture(scope="module")
def server(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(base, tmp_path_factory.mktemp("log") / "log") as server:
        started = time.monotonic()
        server.wait()
        START_SECONDS.append(time.monotonic() - started)
        yield server


class Load:
    """Clients that send requests continuously, and compare the responses with those before."""

    def __init__(self, server: Server) -> None:
        self._server, self._stop = server, threading.Event()
        self._expected = {text: server.post({"inputs": text}).json() for text in TEXTS}
        self.seen: Counter[str] = Counter()
        # Whether the server may have ended.
        self.ends = False

    def __enter__(self) -> Load:
        self._pool = ThreadPoolExecutor(CLIENTS)
        self._clients = [self._pool.submit(self._ask, number) for number in range(CLIENTS)]
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()
        for client in self._clients:
            client.result()

    def _ask(self, number: int) -> None:
        with requests.Session() as session:
            for text in (TEXTS * 10_000)[number:]:
                if self._stop.is_set():
                    return
                try:
                    answer = session.post(f"{self._server.url}/invocations", json={"inputs": text}, timeout=60)
                except requests.ConnectionError:
                    assert self.ends
                    self.seen["closed"] += 1
                    return
                self.seen[self._kind(text, answer)] += 1
                if answer.status_code != 200:
                    time.sleep(0.2)

    def _kind(self, text: str, answer: requests.Response) -> str:
        if answer.status_code == 200:
            return "right" if same(answer.json(), self._expected[text]) else "wrong"
        body = answer.json()["error"]
        return "refused" if (answer.status_code, body["code"]) == (503, "service_unavailable") else answer.text


def same(answer: Any, expected: Any) -> bool:
    """Whether two responses are equal up to rounding, which depends on the shape of a batch."""
    return all(
        one["label"] == other["label"] and abs(one["score"] - other["score"]) < 1e-5
        for one, other in zip(answer, expected, strict=True)
    )


@pytest.mark.parametrize("signal", ["SIGKILL", "SIGSEGV"])
def test_a_killed_worker_is_replaced(server: Server, signal: str) -> None:
    with Load(server) as load:
        wait_for(lambda: load.seen["right"] > 50)
        killed = time.monotonic()
        server.workers[0].send_signal(getattr(signals, signal))
        server.wait_until_down()
        server.wait()
        seconds = time.monotonic() - killed
        right = load.seen["right"]
        wait_for(lambda: load.seen["right"] > right + 50)
    print(f"{signal}: back after {seconds:.1f} s, {dict(load.seen)}")
    assert set(load.seen) == {"right", "refused"}
    assert seconds < max(BACK_SECONDS, BACK_STARTS * START_SECONDS[0])
    assert len(server.workers) == 1


def test_no_worker_outlives_a_killed_server(base: Path, tmp_path: Path) -> None:
    with running(base, tmp_path / "log") as server:
        server.wait()
        (worker,) = server.workers
        server.process.kill()
        server.process.wait()
        assert psutil.wait_procs([worker], timeout=10)[1] == []


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# Loading takes longer than the response timeout.
SLEEPY = """
import time
def model_fn(model_dir):
    time.sleep(2)
    return 42
def predict_fn(data, model):
    time.sleep(60 if data["inputs"] == "hang" else 0)
    return [data["inputs"], model]
"""


def test_a_worker_that_hangs_is_replaced(tmp_path: Path) -> None:
    code = tmp_path / "model" / "code"
    code.mkdir(parents=True)
    (code / "inference.py").write_text(SLEEPY)
    with running(tmp_path, tmp_path / "log", SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS="1") as server:
        server.wait()
        (hanging,) = server.workers
        answer = server.post({"inputs": "hang"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "service_unavailable")
        assert answer.elapsed.total_seconds() < 20
        server.wait_until_down()
        server.wait()
        assert not hanging.is_running() or hanging.status() == psutil.STATUS_ZOMBIE
        assert server.post({"inputs": "who"}).json() == ["who", 42]
        # The log has the stack where it hung.
        assert "in predict_fn" in server.log.read_text()


def test_requests_in_flight_finish_and_new_ones_are_refused(server: Server) -> None:
    """SIGTERM under load: every client gets a correct response, a 503, or a closed port."""
    with Load(server) as load:
        wait_for(lambda: load.seen["right"] > 50)
        load.ends = True
        assert server.stop() == 0
    assert set(load.seen) <= {"right", "refused", "closed"}
    assert load.seen["closed"] >= CLIENTS
    assert list(server.temporary.iterdir()) == []
