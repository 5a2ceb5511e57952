"""URIs of images from images.json and SSM, as images/release.py writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest

from contract.files import write_json
from examples.uris import uri
from images.release import Image, document, publish

REPOSITORY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-huggingface-training"
BY_DIGEST = f"{REPOSITORY}@sha256:{'a' * 64}"
IMAGE = Image("training", f"{REPOSITORY}:1.0.0", BY_DIGEST, "base:1", "sha256:b", 7, "1.0.0", "abc", {})


@pytest.fixture
def ssm(aws: None) -> Any:
    return boto3.client("ssm")


def test_a_uri_is_itself() -> None:
    assert uri("sagemaker-huggingface-training:0.1.0", "training") == "sagemaker-huggingface-training:0.1.0"


def test_images_json_names_it_by_digest(tmp_path: Path) -> None:
    path = tmp_path / "images.json"
    write_json(path, document([IMAGE], {}))
    assert uri(str(path), "training") == BY_DIGEST
    with pytest.raises(LookupError, match="images.json has no image inference, expected one of: training"):
        uri(str(path), "inference")


@pytest.mark.parametrize("which", ["latest", "1.0.0"])
def test_a_parameter_names_it_by_digest(ssm: Any, which: str) -> None:
    publish(ssm, "/ml/images", IMAGE)
    assert uri(f"/ml/images/training/{which}", "training") == BY_DIGEST


def test_a_missing_parameter_is_one_sentence(ssm: Any) -> None:
    with pytest.raises(LookupError, match="SSM has no parameter /ml/images/training/2 in region eu-west-1; expected"):
        uri("/ml/images/training/2", "training", ssm)
