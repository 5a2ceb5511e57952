"""boto3 clients for build.sh, and conversion of their errors to one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    SSOError,
    TokenRetrievalError,
)

from contract.failures import UserError
from images.catalog import ECR_HOST

EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
UNKNOWN = {"UnrecognizedClientException", "InvalidClientTokenId", "SignatureDoesNotMatch", "InvalidSignatureException"}


class AwsError(UserError):
    """An error of AWS, in one sentence with the remedy."""


@contextmanager
def explained(region: str) -> Iterator[None]:
    """Convert errors of boto3 in the block to AwsError.

    Raises:
        AwsError: credentials are missing, expired or unknown, a permission is missing, the region cannot be
            reached, or AWS returned another error.
    """
    try:
        yield
    except NoCredentialsError:
        raise AwsError(
            "no AWS credentials were found; expected a profile (AWS_PROFILE), keys in the environment, or a role"
        ) from None
    except (SSOError, TokenRetrievalError) as error:
        raise AwsError(f"there is no valid AWS login: {error}; log in (aws sso login)") from None
    except EndpointConnectionError as error:
        raise AwsError(f"region {region} cannot be reached: {error}; expected a region's name, and a network") from None
    except ClientError as error:
        raise AwsError(sentence(error, region)) from None
    except BotoCoreError as error:
        raise AwsError(f"AWS in region {region}: {error}") from None


def sentence(error: ClientError, region: str) -> str:
    """One sentence with the cause of `error` and its remedy."""
    details = error.response.get("Error", {})
    code, message = details.get("Code", ""), details.get("Message", "")
    if code in EXPIRED:
        return "the AWS login has expired; log in again (aws sso login, or new keys)"
    if code in UNKNOWN:
        return f"AWS in region {region} does not know these credentials ({code}); expected those of its partition"
    if code in DENIED:
        match = re.search(r"perform: (\S+)", message)
        action = match.group(1) if match else f"ecr:{error.operation_name}"
        return f"no permission for {action} in region {region}; expected a role that allows it"
    return f"AWS refused {error.operation_name} in region {region}: {message or code}"


def client(service: str, region: str) -> Any:
    """A boto3 client for `service`; makes no network call."""
    import boto3

    return boto3.client(service, region_name=region)


def partition(region: str) -> str:
    """The AWS partition of a region: aws, aws-cn, aws-us-gov, ..."""
    import boto3

    return str(boto3.Session().get_partition_for_region(region))


def account_and_region(host: str) -> tuple[str, str]:
    """Account id and region of an ECR registry's host, ACCOUNT.dkr.ecr.REGION.SUFFIX.

    Raises:
        AwsError: `host` is not an ECR registry.
    """
    match = ECR_HOST.fullmatch(host)
    if not match:
        raise AwsError(f"registry {host} is not in ECR; expected ACCOUNT.dkr.ecr.REGION.amazonaws.com")
    return match["account"], match["region"]
