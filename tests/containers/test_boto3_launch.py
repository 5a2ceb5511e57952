"""The requests of the boto3 example, sent to local mode instead of SageMaker."""

from __future__ import annotations

import gc
import json
import shutil
from typing import Any

import pytest
from containers.bucket import BUCKET, keys, members, read

KEY = "arn:aws:kms:us-east-1:123456789012:key/0a"
LINES = ["The handle is superb. I would buy this tent again.", {"inputs": "The zip is dreadful."}]

pytestmark = [
    pytest.mark.skipif(not shutil.which("docker-compose"), reason="SDK local mode needs docker-compose"),
    # Warnings of the SDK's imports and of its thread for docker-compose.
    pytest.mark.filterwarnings("ignore"),
]


def test_the_chain_runs_from_raw_text_to_predictions(
    images: dict[str, str], session: Any, client: Any, uploaded: str
) -> None:
    from examples.account import Account
    from examples.boto3_launch import launch

    client.put_object(Bucket=BUCKET, Key="inputs/lines/a.jsonl", Body="\n".join(map(json.dumps, LINES)).encode())
    account = Account("arn:aws:iam::123456789012:role/jobs", KEY, ("subnet-1",), ("sg-1",))
    arguments = ["--max-length", "32", "--label-threshold", "4", "--max-rows", "400"]
    hyperparameters = {"epochs": 1, "train_batch_size": 32, "learning_rate": 1e-3}
    trained = launch(
        session.sagemaker_client, images, account, uploaded, "chain", arguments, hyperparameters, instance_type="local"
    )
    gc.collect()
    assert json.loads(members(client, trained)["card.json"])["max_length"] == 32
    [name] = keys(client, "inputs/answers/")
    answers = [json.loads(line) for line in read(client, f"inputs/answers/{name}").decode().splitlines()]
    assert [set(answer) for answer in answers] == [{"label", "score"}] * len(LINES)
