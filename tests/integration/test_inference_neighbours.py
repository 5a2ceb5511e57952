"""A text's scores are those of transformers' pipeline for it alone, whatever else is computed with it.

NEIGHBOUR_BATCHES sets how many random batches are tried for all architectures together; EVERY_ARCHITECTURE=1 serves
each architecture over HTTP under 16 clients, instead of one.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import requests
from architectures import ARCHITECTURES, SERVED_ONLY, write_classifier
from inference_server import Server, running
from pipeline_scores import TOLERANCE, assert_as_in_a_pipeline, by_label, mixed_texts, pipeline_scores, serve

from inference.worker.classifier import Classifier
from inference.worker.parallel import ParallelPasses
from inference.worker.warm_up import warm_up

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")]

ALL = ARCHITECTURES | SERVED_ONLY
BATCHES = -(-int(os.environ.get("NEIGHBOUR_BATCHES") or 36) // len(ALL))
CLIENTS = 16
SERVED = list(ALL) if os.environ.get("EVERY_ARCHITECTURE") == "1" else ["t5"]
# Texts with tokens that mark ends and padding, in the vocabularies of some.
MARKS = ("</s>", "<s>", "<pad>", "[PAD]", "[SEP]", "<|endoftext|>", "<unk>")


def all_texts() -> list[str]:
    rng = random.Random(4)
    marked = [" ".join(rng.choices([*MARKS, "good", "bad", "word1"], k=rng.randrange(2, 9))) for _ in range(20)]
    return [*mixed_texts(40), *marked, "good " * 110]


def random_batches(count: int, texts: int) -> Iterator[tuple[int, int, list[int]]]:
    """Tokens of a forward pass, threads, and indices of the texts of a batch."""
    rng = random.Random(5)
    for _ in range(count):
        yield rng.choice((64, 512, 4096)), rng.choice((1, 2)), rng.choices(range(texts), k=rng.randrange(1, 33))


@pytest.mark.parametrize("name", ALL)
def test_scores_do_not_depend_on_the_other_texts_of_a_batch(tmp_path: Path, name: str) -> None:
    write_classifier(tmp_path, ALL[name])
    own, texts = serve(tmp_path), all_texts()
    warm_up(own)
    assert not own.isolated
    expected = pipeline_scores(tmp_path, texts)
    pools = {count: ParallelPasses(count) for count in (1, 2)}
    for tokens, threads, indices in random_batches(BATCHES, len(texts)):
        classifier = Classifier(own.loaded, tokens, pools[threads])
        answers: list[Any] = classifier([texts[index] for index in indices], top_k=None)
        for index, answer in zip(indices, answers, strict=True):
            assert by_label(answer) == pytest.approx(expected[index], abs=TOLERANCE), (tokens, threads, indices)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    (folder / "models").mkdir()
    return folder


@pytest.fixture(scope="module")
def server(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("log") / "log"
    with running(base, log, SAGEMAKER_MULTI_MODEL="true") as one:
        one.wait()
        yield one


@pytest.mark.parametrize("name", SERVED)
def test_the_scores_of_sixteen_clients_are_the_pipelines(server: Server, base: Path, name: str) -> None:
    folder = base / "models" / name
    write_classifier(folder, ALL[name])
    loaded = server.post({"model_name": name, "url": str(folder)}, "/models")
    assert loaded.status_code == 200, loaded.text
    texts = all_texts()
    groups = [texts[start : start + 1 + start % 4] for start in range(0, 60, 3)]

    def ask(group: list[str]) -> Any:
        content = {"inputs": group, "parameters": {"top_k": None}}
        response = server.post(content, f"/models/{name}/invoke", content_type="application/json")
        assert response.status_code == 200, response.text
        return response.json()

    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = list(clients.map(ask, groups))
    assert_as_in_a_pipeline(folder, list(chain.from_iterable(groups)), list(chain.from_iterable(answers)))
    assert requests.delete(f"{server.url}/models/{name}", timeout=60).status_code == 200
