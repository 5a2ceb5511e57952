"""The policies of an ECR repository as JSON: who may pull, and which images expire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# What a pull needs, and nothing that changes or lists anything.
# Source: Amazon ECR User Guide, "Private repository policies".
PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
# Our statements begin with this; those of others are left as they are.
SID_PREFIX = "JobImages"
UNTAGGED_DAYS = 14
KEPT_IMAGES = 30

Statement = dict[str, Any]


@dataclass(frozen=True)
class Pullers:
    """Who may pull besides the account that owns the repository.

    Attributes:
        accounts: twelve-digit ids.
        organization: id of an AWS organization (o-...), whose accounts all may; None for none.
    """

    accounts: tuple[str, ...] = ()
    organization: str | None = None

    def __bool__(self) -> bool:
        return bool(self.accounts or self.organization)


def statements(pullers: Pullers, partition: str) -> list[Statement]:
    """The statements that let `pullers` pull, and SageMaker on behalf of theirs."""
    service = {"Service": "sagemaker.amazonaws.com"}
    found = []
    if pullers.accounts:
        roots = [f"arn:{partition}:iam::{account}:root" for account in pullers.accounts]
        found.append(allow("Accounts", {"AWS": roots}))
        found.append(allow("ServiceForAccounts", service, {"aws:SourceAccount": list(pullers.accounts)}))
    if pullers.organization:
        # An organization is no principal: AWS has it named by a condition on every principal.
        found.append(allow("Organization", {"AWS": "*"}, {"aws:PrincipalOrgID": pullers.organization}))
        found.append(allow("ServiceForOrganization", service, {"aws:SourceOrgID": pullers.organization}))
    return found


def allow(name: str, principal: dict[str, Any], only_where: dict[str, Any] | None = None) -> Statement:
    """A statement that lets `principal` pull; `only_where`: condition keys and the values that they must equal."""
    statement = {"Sid": SID_PREFIX + name, "Effect": "Allow", "Principal": principal, "Action": list(PULL)}
    return statement | ({"Condition": {"StringEquals": only_where}} if only_where else {})


def merged(existing: dict[str, Any] | None, ours: Sequence[Statement]) -> dict[str, Any]:
    """The policy `existing` with our statements replaced by `ours`."""
    kept = [entry for entry in (existing or {}).get("Statement", []) if not is_ours(entry)]
    return {"Version": "2012-10-17", "Statement": [*kept, *ours]}


def is_ours(statement: Statement) -> bool:
    return str(statement.get("Sid", "")).startswith(SID_PREFIX)


def lifecycle() -> dict[str, Any]:
    """Untagged images go after UNTAGGED_DAYS, of the tagged ones the last KEPT_IMAGES stay."""
    untagged = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days"}
    tagged = {"tagStatus": "tagged", "tagPatternList": ["*"], "countType": "imageCountMoreThan"}
    return {
        "rules": [
            rule(1, f"untagged images go after {UNTAGGED_DAYS} days", untagged | {"countNumber": UNTAGGED_DAYS}),
            rule(2, f"the last {KEPT_IMAGES} tagged images stay", tagged | {"countNumber": KEPT_IMAGES}),
        ]
    }


def rule(priority: int, description: str, selection: dict[str, Any]) -> dict[str, Any]:
    action = {"type": "expire"}
    return {"rulePriority": priority, "description": description, "selection": selection, "action": action}
