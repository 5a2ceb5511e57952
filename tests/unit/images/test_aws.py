"""Errors of AWS as sentences."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, SSOTokenLoadError

from images.aws import AwsError, account_and_region, explained

REFUSED = "User: arn:aws:iam::1:user/x is not authorized to perform: ecr:CreateRepository on resource: y"


def refusal(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "CreateRepository")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (NoCredentialsError(), "no AWS credentials were found; expected a profile"),
        (EndpointConnectionError(endpoint_url="https://x"), "region mars-1 cannot be reached"),
        (SSOTokenLoadError(error_msg="none"), "there is no valid AWS login: .*none; log in"),
        (refusal("ExpiredTokenException"), "the AWS login has expired; log in again"),
        (refusal("UnrecognizedClientException"), "region mars-1 does not know these credentials"),
        (refusal("AccessDeniedException", REFUSED), "no permission for ecr:CreateRepository in region mars-1"),
        (refusal("AccessDeniedException"), "no permission for ecr:CreateRepository in region mars-1"),
        (refusal("LimitExceededException", "too many"), "AWS refused CreateRepository in region mars-1: too many"),
    ],
)
def test_each_error_has_its_remedy(error: Exception, sentence: str) -> None:
    with pytest.raises(AwsError, match=sentence), explained("mars-1"):
        raise error


def test_a_registry_names_its_account_and_region() -> None:
    assert account_and_region("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn") == ("123456789012", "cn-north-1")
    with pytest.raises(AwsError, match=r"registry 127.0.0.1:5000 is not in ECR; expected ACCOUNT.dkr.ecr"):
        account_and_region("127.0.0.1:5000")
