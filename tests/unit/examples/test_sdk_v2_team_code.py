"""A team's own code, by the requests that SDK v2 sends for it and what it uploads."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import boto3
import pytest
from service_model import errors_of

pytestmark = pytest.mark.filterwarnings("ignore")

ROLE = "arn:aws:iam::123456789012:role/jobs"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-huggingface-inference:1"
INDEX = "https://aws:token@team-123456789012.d.codeartifact.eu-west-1.amazonaws.com/pypi/team/simple/"


@pytest.fixture
def session(sagemaker_client: Any) -> Any:
    from sagemaker.session import Session

    boto3.client("s3").create_bucket(
        Bucket="team-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    return Session(sagemaker_client=sagemaker_client, default_bucket="team-bucket")


def test_a_script_runs_in_the_processing_image(session: Any, sent: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    from examples import sdk_v2_team_code

    script = tmp_path / "prepare.py"
    script.write_text("print(1)\n")
    # The SDK reads the instances while it waits, and moto does not store them.
    with pytest.raises(KeyError, match="ProcessingResources"):
        sdk_v2_team_code.process(
            IMAGE, ROLE, str(script), "s3://team-bucket/raw", "s3://team-bucket/made", ["--x", "1"], session=session
        )
    request = sent["CreateProcessingJob"]
    assert errors_of("CreateProcessingJob", request) == []
    code = next(source for source in request["ProcessingInputs"] if source["InputName"] == "code")["S3Input"]
    entry = request["AppSpecification"]["ContainerEntrypoint"]
    assert entry == ["python", f"{code['LocalPath']}/prepare.py"]
    key = code["S3Uri"].removeprefix("s3://team-bucket/")
    assert boto3.client("s3").get_object(Bucket="team-bucket", Key=key)["Body"].read() == b"print(1)\n"


def test_code_is_packed_into_the_model_and_its_requirements_come_from_the_index(
    session: Any, sent: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    from examples.sdk_v2_team_code import model_with_code

    (tmp_path / "requirements.txt").write_text("team-library==1\n")
    (tmp_path / "inference.py").write_text("def output_fn(prediction, accept): ...\n")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("config.json"))
    boto3.client("s3").put_object(Bucket="team-bucket", Key="model.tar.gz", Body=packed.getvalue())
    model = model_with_code(IMAGE, ROLE, "s3://team-bucket/model.tar.gz", str(tmp_path), index=INDEX, session=session)
    model.deploy(1, "ml.g4dn.xlarge", wait=False)
    request = sent["CreateModel"]
    assert errors_of("CreateModel", request) == []
    container = request["PrimaryContainer"]
    environment = {name: container["Environment"][name] for name in ("SAGEMAKER_PROGRAM", "PIP_INDEX_URL")}
    assert environment == {"SAGEMAKER_PROGRAM": "inference.py", "PIP_INDEX_URL": INDEX}
    assert container["Environment"]["SAGEMAKER_ALLOW_REQUIREMENTS"] == "true"
    key = container["ModelDataUrl"].removeprefix("s3://team-bucket/")
    body = boto3.client("s3").get_object(Bucket="team-bucket", Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        names = {name.removeprefix("./") for name in archive.getnames()}
    assert {"config.json", "code/inference.py", "code/requirements.txt"} <= names
