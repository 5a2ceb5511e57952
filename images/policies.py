"""Policies of an ECR repository as JSON: the repository policy (who may pull) and the lifecycle policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# The actions that a pull needs, none of which changes or lists anything.
# Source: Amazon ECR User Guide, "Private repository policies".
PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
# Prefix of the Sid of statements that this module writes; other statements are kept unchanged.
SID_PREFIX = "JobImages"
UNTAGGED_DAYS = 14
# An image that a launcher still names must not expire, and ECR cannot ask launchers: at one release a day these are the
# images of more than a year. Rules of age and of number cannot be combined for one image (ECR User Guide, lifecycle
# policies: an image that matches the tags of a rule is not expired by a rule of lower priority).
KEPT_IMAGES = 500

Statement = dict[str, Any]


@dataclass(frozen=True)
class Pullers:
    """The accounts that may pull, in addition to the account that owns the repository.

    Attributes:
        accounts: twelve-digit ids.
        organization: id of an AWS organization (o-...), all of whose accounts may pull; None for none.
    """

    accounts: tuple[str, ...] = ()
    organization: str | None = None

    def __bool__(self) -> bool:
        return bool(self.accounts or self.organization)


def statements(pullers: Pullers, partition: str) -> list[Statement]:
    """The statements that allow `pullers`, and SageMaker on their behalf, to pull."""
    service = {"Service": "sagemaker.amazonaws.com"}
    policy = []
    if pullers.accounts:
        roots = [f"arn:{partition}:iam::{account}:root" for account in pullers.accounts]
        policy.append(allow("Accounts", {"AWS": roots}))
        policy.append(allow("ServiceForAccounts", service, {"aws:SourceAccount": list(pullers.accounts)}))
    if pullers.organization:
        # An organization cannot be a principal; it is a condition on every principal.
        policy.append(allow("Organization", {"AWS": "*"}, {"aws:PrincipalOrgID": pullers.organization}))
        policy.append(allow("ServiceForOrganization", service, {"aws:SourceOrgID": pullers.organization}))
    return policy


def allow(name: str, principal: dict[str, Any], condition: dict[str, Any] | None = None) -> Statement:
    """A statement that allows `principal` to pull, under the StringEquals condition `condition`."""
    statement = {"Sid": SID_PREFIX + name, "Effect": "Allow", "Principal": principal, "Action": list(PULL)}
    return statement | ({"Condition": {"StringEquals": condition}} if condition else {})


def merged(existing: dict[str, Any] | None, managed: Sequence[Statement]) -> dict[str, Any]:
    """The policy `existing` with the statements of this module replaced by `managed`."""
    kept = [entry for entry in (existing or {}).get("Statement", []) if not is_managed(entry)]
    return {"Version": "2012-10-17", "Statement": [*kept, *managed]}


def is_managed(statement: Statement) -> bool:
    """Whether this module wrote the statement, by its Sid."""
    return str(statement.get("Sid", "")).startswith(SID_PREFIX)


def lifecycle() -> dict[str, Any]:
    """The lifecycle policy: untagged images expire after UNTAGGED_DAYS, tagged ones beyond the last KEPT_IMAGES."""
    untagged = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days"}
    tagged = {"tagStatus": "tagged", "tagPatternList": ["*"], "countType": "imageCountMoreThan"}
    return {
        "rules": [
            rule(1, f"untagged images expire after {UNTAGGED_DAYS} days", untagged | {"countNumber": UNTAGGED_DAYS}),
            rule(2, f"the last {KEPT_IMAGES} tagged images are kept", tagged | {"countNumber": KEPT_IMAGES}),
        ]
    }


def rule(priority: int, description: str, selection: dict[str, Any]) -> dict[str, Any]:
    """One rule of the lifecycle policy: the images of `selection` expire."""
    action = {"type": "expire"}
    return {"rulePriority": priority, "description": description, "selection": selection, "action": action}
