"""The real images by SDK v2's generic classes in local mode, over S3."""

from __future__ import annotations

import gc
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from containers.bucket import BUCKET, keys, members, read

ROLE = "arn:aws:iam::123456789012:role/jobs"
ARGUMENTS = ["--max-length", "64", "--label-threshold", "4", "--label-names", "NEGATIVE,POSITIVE"]
HYPERPARAMETERS: dict[str, Any] = {
    "epochs": 3,
    "train_batch_size": 16,
    "learning_rate": 1e-3,
    "seed": 7,
    "run_name": 'a "quoted" name with spaces and $HOME',
}

pytestmark = [
    pytest.mark.skipif(not shutil.which("docker-compose"), reason="SDK local mode needs docker-compose"),
    # Warnings of the SDK's imports and of its thread for docker-compose.
    pytest.mark.filterwarnings("ignore"),
]


def process(images: dict[str, str], session: Any, uploaded: str, output: str, hosts: int) -> None:
    from examples import sdk_v2

    sdk_v2.process(
        images["processing"],
        ROLE,
        f"{uploaded}/raw",
        f"{uploaded}/model",
        output,
        ARGUMENTS,
        instance_type="local",
        instance_count=hosts,
        session=session,
    )


@pytest.fixture(scope="module")
def prepared(images: dict[str, str], session: Any, uploaded: str) -> str:
    process(images, session, uploaded, f"s3://{BUCKET}/one", hosts=1)
    return f"s3://{BUCKET}/one"


def train(images: dict[str, str], session: Any, prepared: str, uploaded: str, hosts: int) -> str:
    from examples import sdk_v2

    return sdk_v2.train(
        images["training"],
        ROLE,
        prepared,
        f"{uploaded}/model",
        f"s3://{BUCKET}/models-{hosts}",
        HYPERPARAMETERS,
        # Hosts on one machine share its cores; with more threads than cores they would slow each other down.
        {"OMP_NUM_THREADS": str(max(len(os.sched_getaffinity(0)) // hosts, 1))},
        instance_type="local",
        instance_count=hosts,
        session=session,
    )


@pytest.fixture(scope="module")
def model_data(images: dict[str, str], session: Any, prepared: str, uploaded: str) -> str:
    return train(images, session, prepared, uploaded, hosts=1)


def test_a_processing_job_writes_splits_and_a_report_that_adds_up(client: Any, prepared: str) -> None:
    report = json.loads(read(client, "one/report/report.json"))
    rows = report["rows"]
    assert rows["read"] == rows["kept"] + sum(rows["filtered"].values()) + sum(rows["rejected"].values())
    assert rows["kept"] > 1000
    for split in ("train", "validation", "test"):
        assert {"card.json", "dataset_info.json", "state.json"} <= set(keys(client, f"one/{split}/"))


def rows_of(client: Any, prefix: str, folder: Path) -> Counter[tuple[Any, ...]]:
    """The rows of every dataset below `prefix`, in any folder."""
    from datasets import load_from_disk

    rows: Counter[tuple[Any, ...]] = Counter()
    for key in keys(client, prefix):
        (folder / prefix / key).parent.mkdir(parents=True, exist_ok=True)
        client.download_file(BUCKET, prefix + key, str(folder / prefix / key))
    for state in (folder / prefix).rglob("state.json"):
        rows.update((tuple(row["input_ids"]), row["labels"]) for row in load_from_disk(str(state.parent)))
    return rows


def test_two_hosts_write_the_same_rows_as_one_and_nothing_collides(
    images: dict[str, str], session: Any, client: Any, uploaded: str, prepared: str, tmp_path: Path
) -> None:
    process(images, session, uploaded, f"s3://{BUCKET}/two", hosts=2)
    hosts = {key.split("/")[0] for key in keys(client, "two/train/")}
    assert len(hosts) == 2
    for split in ("train", "validation", "test"):
        assert rows_of(client, f"two/{split}/", tmp_path) == rows_of(client, f"one/{split}/", tmp_path)


def test_a_training_job_delivers_a_model_that_learned(client: Any, model_data: str) -> None:
    files = members(client, model_data)
    assert {"model.safetensors", "config.json", "tokenizer.json", "card.json"} <= set(files)
    assert json.loads(files["config.json"])["id2label"] == {"0": "NEGATIVE", "1": "POSITIVE"}
    assert not any("checkpoint" in name for name in files)
    output = members(client, model_data.replace("model.tar.gz", "output.tar.gz"))
    told = json.loads(output["data/metrics.json"])
    assert told["metrics"]["eval_accuracy"] >= 0.85
    assert told["hyperparameters"]["run_name"] == HYPERPARAMETERS["run_name"]
    assert "eval_accuracy" in output["data/eval_results.txt"].decode()


def test_two_hosts_train_one_model(
    images: dict[str, str], session: Any, client: Any, prepared: str, uploaded: str
) -> None:
    address = train(images, session, prepared, uploaded, hosts=2)
    card = json.loads(members(client, address)["card.json"])
    assert card["training"]["world_size"] == 2
    output = members(client, address.replace("model.tar.gz", "output.tar.gz"))
    assert json.loads(output["data/metrics.json"])["metrics"]["eval_accuracy"] >= 0.85


@pytest.mark.parametrize("strategy", ["SingleRecord", "MultiRecord"])
def test_batch_transform_writes_one_line_per_input_line(
    images: dict[str, str], session: Any, client: Any, model_data: str, strategy: str
) -> None:
    from examples import sdk_v2

    liked, hated = "The handle is superb. I would buy this tent again.", "The zip is dreadful. I sent this tent back."
    texts = [liked, hated, hated, liked, "Sadly faulty, not perfect at all.", '\u6f22 \u2028 two, "three"'] * 4
    # Every form of a record; the last line has no newline.
    records = [text if number % 2 else {"inputs": text} for number, text in enumerate(texts)]
    lines = "\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    client.put_object(Bucket=BUCKET, Key="lines/reviews.jsonl", Body=lines.encode())
    sdk_v2.transform(
        images["inference"],
        ROLE,
        model_data,
        f"s3://{BUCKET}/lines",
        f"s3://{BUCKET}/answers-{strategy}",
        strategy,
        instance_type="local",
        session=session,
    )
    gc.collect()
    [key] = keys(client, f"answers-{strategy}/")
    answers = read(client, f"answers-{strategy}/{key}").decode().removesuffix("\n").split("\n")
    assert len(answers) == len(texts)
    labels = [json.loads(answer)["label"] for answer in answers]
    assert labels[:4] == ["POSITIVE", "NEGATIVE", "NEGATIVE", "POSITIVE"]
    assert labels == labels[:6] * 4


@pytest.fixture(scope="module")
def predictor(images: dict[str, str], session: Any, model_data: str) -> Iterator[Any]:
    from examples import sdk_v2

    model, predictor = sdk_v2.deploy(images["inference"], ROLE, model_data, instance_type="local", session=session)
    yield predictor
    model.delete_model()
    predictor.delete_endpoint()
    # The SDK leaves its pipe to docker-compose open; it is collected here, where the warnings are ignored.
    gc.collect()


def test_a_deployed_model_answers_in_order(predictor: Any) -> None:
    liked, hated = "The handle is superb. I would buy this tent again.", "The zip is dreadful. I sent this tent back."
    assert [answer["label"] for answer in predictor.predict({"inputs": [liked, hated, liked]})] == [
        "POSITIVE",
        "NEGATIVE",
        "POSITIVE",
    ]
    [answer] = predictor.predict({"inputs": hated})
    assert answer["label"] == "NEGATIVE"
    assert 0.5 < answer["score"] <= 1


def test_an_invalid_request_gets_a_json_error_and_the_next_one_succeeds(predictor: Any) -> None:
    # Local mode returns a 4xx body instead of raising.
    refused = predictor.predict({"input": "the key is inputs"})
    assert refused["error"]["code"]
    assert "Traceback" not in json.dumps(refused)
    assert len(predictor.predict({"inputs": "Lovely."})) == 1
