"""What build.sh asks of ECR: a login password, a prepared repository, the tags that exist."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from images import aws
from images.policies import Pullers
from images.repositories import Repositories


def password(host: str) -> str:
    """The password for `docker login --username AWS` at the registry `host`, valid for twelve hours.

    Raises:
        AwsError: AWS refuses it.
    """
    _, region = aws.account_and_region(host)
    with aws.explained(region):
        token = aws.client("ecr", region).get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return base64.b64decode(token).decode().partition(":")[2]


def prepare(
    host: str, repository: str, pullers: Pullers, kms_key: str | None = None, reconcile: bool = False
) -> list[str]:
    """Create `repository` in the registry `host`, or set what it lacks; returns the changes.

    Raises:
        AwsError: AWS refuses a change.
    """
    account, region = aws.account_and_region(host)
    with aws.explained(region):
        repositories = Repositories(aws.client("ecr", region), account, aws.partition(region))
        return repositories.ensure(repository, pullers, kms_key, reconcile)


def present(host: str, repository: str, tags: Sequence[str]) -> list[str]:
    """The tags of `tags` that exist in `repository`.

    Raises:
        AwsError: AWS refuses the request.
    """
    account, region = aws.account_and_region(host)
    with aws.explained(region):
        return Repositories(aws.client("ecr", region), account, aws.partition(region)).present(repository, tags)
