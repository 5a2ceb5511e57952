"""A team's own script (SDK v2's entry_point= and source_dir=) in the real training image, in local mode, over S3."""

from __future__ import annotations

import gc
import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from containers.bucket import BUCKET, keys, members, read

ROLE = "arn:aws:iam::123456789012:role/jobs"
PROGRAM = "fine_tune.py"
HYPERPARAMETERS = {"learning-rate": 5e-5, "text": 'two "words" and $HOME', "fail": False}
# The team's module has the name of one of the image's packages.
MODULE = "NAME = 'of the team'\n"
SCRIPT = """
import argparse, json, os, pathlib
import torch
import torch.distributed as dist
import contract

parser = argparse.ArgumentParser()
parser.add_argument("--learning-rate", type=float)
parser.add_argument("--text")
parser.add_argument("--fail")
parser.add_argument("--model_dir", default=os.environ["SM_MODEL_DIR"])
given = parser.parse_args()
if given.fail == "True":
    raise ValueError("rows are missing")
total = 1.0
if int(os.environ.get("WORLD_SIZE", "1")) > 1:
    dist.init_process_group("gloo")
    sum_of_ranks = torch.tensor([dist.get_rank() + 1.0])
    dist.all_reduce(sum_of_ranks)
    total = sum_of_ranks.item()
    dist.barrier()
    dist.destroy_process_group()
said = {"learning_rate": given.learning_rate, "text": given.text, "total": total, "module": contract.NAME,
        "rows": sorted(path.name for path in pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]).iterdir()),
        "hosts": len(json.loads(os.environ["SM_HOSTS"])), "folder": os.getcwd()}
name = f"{os.environ['SM_CURRENT_HOST'][:6]}-{os.environ.get('LOCAL_RANK', '0')}.json"
pathlib.Path(given.model_dir, name).write_text(json.dumps(said))
print("script loss =", 0.25)
"""

pytestmark = [
    pytest.mark.skipif(not shutil.which("docker-compose"), reason="SDK local mode needs docker-compose"),
    # Warnings of the SDK's imports and of its thread for docker-compose.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture
def source(tmp_path: Path) -> str:
    """A team's source folder."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / PROGRAM).write_text(SCRIPT)
    (folder / "contract.py").write_text(MODULE)
    (folder / "run.sh").write_text(f'#!/bin/sh\nexec python {PROGRAM} "$@"\n')
    return str(folder)


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Collect the SDK's open pipes to docker-compose here, where their warnings are ignored."""
    yield
    gc.collect()


def arguments(images: dict[str, str], session: Any, hosts: int, output: str, **given: Any) -> dict[str, Any]:
    """The arguments that all Estimators of these tests share."""
    threads = {"OMP_NUM_THREADS": str(max(len(os.sched_getaffinity(0)) // hosts, 1))}
    return {
        "image_uri": images["training"],
        "role": ROLE,
        "instance_type": "local",
        "instance_count": hosts,
        "environment": threads,
        "output_path": f"s3://{BUCKET}/{output}",
        "sagemaker_session": session,
        "hyperparameters": HYPERPARAMETERS,
        **given,
    }


@pytest.fixture
def rows(client: Any) -> str:
    client.put_object(Bucket=BUCKET, Key="rows-of-script/rows.csv", Body=b"text,label\n")
    return f"s3://{BUCKET}/rows-of-script"


def said(files: dict[str, bytes]) -> dict[str, dict[str, Any]]:
    return {name: json.loads(content) for name, content in files.items() if name.endswith(".json")}


def run(images: dict[str, str], session: Any, source: str, rows: str, output: str, hosts: int = 1, **given: Any) -> str:
    """Run the script by the example; returns the S3 URI of its model."""
    from examples import sdk_v2_script

    shared = arguments(images, session, hosts, output) | {"hyperparameters": HYPERPARAMETERS, "program": PROGRAM}
    named = {"image": shared.pop("image_uri"), "output": shared.pop("output_path"), "session": session}
    del shared["sagemaker_session"]
    return sdk_v2_script.run(**{**shared, **named, "source": source, "data": rows, **given})


@pytest.mark.parametrize("program", [PROGRAM, "run.sh"])
def test_a_generic_estimator_runs_the_script(
    images: dict[str, str], session: Any, client: Any, source: str, rows: str, program: str, capfd: Any
) -> None:
    address = run(images, session, source, rows, f"script-{program}", program=program)
    assert said(members(client, address)) == {
        "algo-1-0.json": {
            "learning_rate": 5e-5,
            "text": HYPERPARAMETERS["text"],
            "total": 1.0,
            "module": "of the team",
            "rows": ["rows.csv"],
            "hosts": 1,
            "folder": "/opt/ml/code",
        }
    }
    log = capfd.readouterr().out
    launcher = "sh" if program == "run.sh" else "python"
    assert f"running the script {program} of s3://{BUCKET}/" in log
    assert f"by {launcher} instead of the image's own training" in log
    # One line, so that a metric definition matches it.
    assert "script loss = 0.25" in log


def test_torchrun_starts_ranks_that_connect_across_two_hosts(
    images: dict[str, str], session: Any, client: Any, source: str, rows: str
) -> None:
    found = said(members(client, run(images, session, source, rows, "script-ranks", hosts=2, processes=2)))
    assert sorted(found) == ["algo-1-0.json", "algo-1-1.json", "algo-2-0.json", "algo-2-1.json"]
    assert {(rank["total"], rank["hosts"]) for rank in found.values()} == {(1 + 2 + 3 + 4, 2)}


def test_the_sdks_framework_class_runs_the_script_on_each_host(
    images: dict[str, str], session: Any, client: Any, source: str, rows: str
) -> None:
    from sagemaker.pytorch import PyTorch

    given = arguments(images, session, 2, "script-framework", entry_point=PROGRAM, source_dir=source)
    estimator = PyTorch(**given, distribution={"torch_distributed": {"enabled": True}})
    estimator.fit({"train": rows})
    found = said(members(client, estimator.model_data))
    assert sorted(found) == ["algo-1-0.json", "algo-2-0.json"]
    assert {rank["total"] for rank in found.values()} == {3}


def test_a_script_that_fails_fails_the_job_with_its_error(
    images: dict[str, str], session: Any, client: Any, source: str, rows: str
) -> None:
    with pytest.raises(RuntimeError, match="exited with code: 1"):
        run(images, session, source, rows, "script-fails", hyperparameters=HYPERPARAMETERS | {"fail": True})
    [key] = [key for key in keys(client, "script-fails/") if key.endswith("output.tar.gz")]
    with tarfile.open(fileobj=io.BytesIO(read(client, f"script-fails/{key}")), mode="r:gz") as tar:
        [name] = [name for name in tar.getnames() if name.endswith("failure")]
        file = tar.extractfile(name)
        assert file is not None
        assert file.read() == b"script fine_tune.py ended with exit status 1: ValueError: rows are missing"


def test_the_model_of_model_uri_is_trained(
    images: dict[str, str], session: Any, client: Any, inputs: Path, tmp_path: Path
) -> None:
    from sagemaker.estimator import Estimator

    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as tar:
        tar.add(inputs / "model", ".")
    client.upload_file(str(tmp_path / "model.tar.gz"), BUCKET, "model-of-script/model.tar.gz")
    texts = "".join(f'{{"text": "{"superb" if n % 2 else "dreadful"} {n}", "label": {n % 2}}}\n' for n in range(64))
    client.put_object(Bucket=BUCKET, Key="texts-of-script/rows.jsonl", Body=texts.encode())
    estimator = Estimator(
        **arguments(
            images,
            session,
            1,
            "script-model",
            model_uri=f"s3://{BUCKET}/model-of-script/model.tar.gz",
            hyperparameters={"max_steps": 2, "train_batch_size": 8, "max_length": 16},
        )
    )
    estimator.fit(dict.fromkeys(("train", "validation"), f"s3://{BUCKET}/texts-of-script"))
    card = json.loads(members(client, estimator.model_data)["card.json"])
    assert card["training"]["base_model"] == "/opt/ml/input/data/model"
