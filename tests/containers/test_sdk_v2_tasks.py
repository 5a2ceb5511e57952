"""Several labels, regression and pairs through all three images, by SDK v2 in local mode."""

from __future__ import annotations

import gc
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from containers.bucket import BUCKET, keys, members, read

from contract import small_bert
from examples.demo.tasks import TASKS

ROLE = "arn:aws:iam::123456789012:role/jobs"
ROWS = 1500
# What processing writes into the card, and training leaves there.
CARDS = {
    "multilabel": ("multi_label_classification", ["delivery", "price", "quality"], None),
    "regression": ("regression", ["LABEL_0"], None),
    "pairs": ("single_label_classification", ["no", "yes"], "answer"),
}

pytestmark = [
    pytest.mark.skipif(not shutil.which("docker-compose"), reason="SDK local mode needs docker-compose"),
    # Warnings of the SDK's imports and of its thread for docker-compose.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module", params=TASKS)
def task(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def predictor(
    task: str, images: dict[str, str], session: Any, client: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """The endpoint of a model that all three images have made from raw rows."""
    from examples import sdk_v2_tasks

    folder: Path = tmp_path_factory.mktemp(task)
    rows = TASKS[task].write(folder / "raw", ROWS)
    texts = TASKS[task].read_texts(rows)
    small_bert.write_model(folder / "model", texts, sdk_v2_tasks.MAX_LENGTH, token_types=task == "pairs")
    for file in (path for path in folder.rglob("*") if path.is_file()):
        client.upload_file(str(file), BUCKET, f"{task}/{file.relative_to(folder)}")
    model, predictor = sdk_v2_tasks.launch(
        task,
        images,
        ROLE,
        f"s3://{BUCKET}/{task}/raw",
        f"s3://{BUCKET}/{task}/model",
        f"s3://{BUCKET}/{task}/out",
        {"train_batch_size": 16, "learning_rate": 1e-3},
        instance_types=("local", "local", "local"),
        session=session,
    )
    yield predictor
    model.delete_model()
    predictor.delete_endpoint()
    # The SDK leaves its pipe to docker-compose open; it is collected here, where the warnings are ignored.
    gc.collect()


def test_all_three_images_take_part_in_the_task(task: str, predictor: Any, client: Any) -> None:
    answers = predictor.predict({"inputs": [question for question, _ in TASKS[task].questions]})
    for answer, (_, expected) in zip(answers, TASKS[task].questions, strict=True):
        if task == "multilabel":
            assert sorted(label["label"] for label in answer) == expected
        elif task == "regression":
            assert answer["score"] == pytest.approx(expected, abs=0.8)
        else:
            assert answer["label"] == expected
    prepared = json.loads(read(client, f"{task}/out/prepared/train/card.json"))
    assert "image" in prepared["versions"] and prepared["rows"]["read"] == ROWS
    [archive] = [key for key in keys(client, f"{task}/out/models/") if key.endswith("model.tar.gz")]
    files = members(client, f"s3://{BUCKET}/{task}/out/models/{archive}")
    for card in (prepared, json.loads(files["card.json"])):
        assert (card["problem_type"], card["label_names"], card["text_pair_column"]) == CARDS[task]
    metrics = members(client, f"s3://{BUCKET}/{task}/out/models/{archive.replace('model.tar', 'output.tar')}")
    assert json.loads(metrics["data/metrics.json"])["metrics"][f"test_{TASKS[task].metric}"] > 0.85
