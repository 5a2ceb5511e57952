"""What build.sh asks of ECR."""

from __future__ import annotations

import pytest

from images import ecr
from images.aws import AwsError
from images.policies import Pullers

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"

pytestmark = pytest.mark.usefixtures("aws_account")


def test_the_password_is_the_tokens_without_its_user() -> None:
    assert ecr.password(HOST) == "123456789012-auth-token"


def test_preparing_twice_changes_nothing() -> None:
    pullers = Pullers(("111122223333", "444455556666"))
    assert ecr.prepare(HOST, "sagemaker-x", pullers) == ["created", "lifecycle", "pull policy"]
    assert ecr.prepare(HOST, "sagemaker-x", pullers) == []
    assert ecr.present(HOST, "sagemaker-x", ["1.0.0"]) == []


def test_another_registry_is_refused_in_one_sentence() -> None:
    with pytest.raises(AwsError, match="registry localhost:5000 is not in ECR; expected"):
        ecr.prepare("localhost:5000", "sagemaker-x", Pullers())
