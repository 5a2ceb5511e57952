"""boto3 clients for build.sh, whose errors become one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, NoCredentialsError

EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
UNKNOWN = {"UnrecognizedClientException", "InvalidClientTokenId", "SignatureDoesNotMatch", "InvalidSignatureException"}
ECR_HOST = re.compile(r"(?P<account>\d{12})\.dkr\.ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.[a-z0-9.-]+")


class AwsError(Exception):
    """What AWS refused, in one sentence that says what to do."""


@contextmanager
def explained(region: str) -> Iterator[None]:
    """Errors of boto3 in the block as AwsError.

    Raises:
        AwsError: no credentials, expired or unknown ones, a missing permission, an unreachable region,
            or anything else that AWS refuses.
    """
    try:
        yield
    except NoCredentialsError:
        raise AwsError(
            "no AWS credentials were found; expected a profile (AWS_PROFILE), keys in the environment, or a role"
        ) from None
    except EndpointConnectionError as error:
        raise AwsError(f"region {region} cannot be reached: {error}; expected a region's name, and a network") from None
    except ClientError as error:
        raise AwsError(sentence(error, region)) from None
    except BotoCoreError as error:
        raise AwsError(f"AWS in region {region}: {error}") from None


def sentence(error: ClientError, region: str) -> str:
    """What `error` says, and what to do about it."""
    details = error.response.get("Error", {})
    code, message = details.get("Code", ""), details.get("Message", "")
    if code in EXPIRED:
        return "the AWS login has expired; log in again (aws sso login, or new keys)"
    if code in UNKNOWN:
        return f"AWS in region {region} does not know these credentials ({code}); expected those of its partition"
    if code in DENIED:
        found = re.search(r"perform: (\S+)", message)
        action = found.group(1) if found else f"ecr:{error.operation_name}"
        return f"no permission for {action} in region {region}; expected a role that allows it"
    return f"AWS refused {error.operation_name} in region {region}: {message or code}"


def client(service: str, region: str) -> Any:
    """A boto3 client; without a network call."""
    import boto3

    return boto3.client(service, region_name=region)


def partition(region: str) -> str:
    """aws, aws-cn, aws-us-gov, ..., as boto3 knows the region."""
    import boto3

    return str(boto3.Session().get_partition_for_region(region))


def account_and_region(host: str) -> tuple[str, str]:
    """Of ACCOUNT.dkr.ecr.REGION.SUFFIX.

    Raises:
        AwsError: `host` is no registry of ECR.
    """
    found = ECR_HOST.fullmatch(host)
    if not found:
        raise AwsError(f"registry {host} is not in ECR; expected ACCOUNT.dkr.ecr.REGION.amazonaws.com")
    return found["account"], found["region"]
