"""Creates ECR repositories and configures tag immutability, scan on push, lifecycle policy and pull policy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from images.policies import Pullers, lifecycle, merged, statements

# Tags of versions cannot be moved to another image; latest* can.
MUTABILITY = "IMMUTABLE_WITH_EXCLUSION"
MOVING_TAGS = ({"filterType": "WILDCARD", "filter": "latest*"},)


@dataclass(frozen=True)
class Repositories:
    """The repositories of one account and region.

    Attributes:
        ecr: boto3 client for ECR.
        account: twelve-digit id of the account.
        partition: aws, aws-cn, aws-us-gov, ...
    """

    ecr: Any
    account: str
    partition: str

    def ensure(self, name: str, pullers: Pullers, kms_key: str | None = None, reconcile: bool = False) -> list[str]:
        """Create the repository `name`, or set what it lacks; returns the changes, none on a second call.

        In a new repository tags are immutable except latest*, images are scanned on push and expire by `lifecycle`.
        One that exists belongs to whoever made it, such as Terraform: a lifecycle policy is set where there is none.
        `pullers` may pull; other statements of its policy are kept. Encryption cannot be changed later, so `kms_key`
        (an ARN; None for AES256) is used only for a new repository.

        Args:
            reconcile: give an existing repository all settings of a new one.
        """
        return list(self._changes(name, pullers, kms_key, reconcile))

    def present(self, name: str, tags: Sequence[str]) -> list[str]:
        """The tags of `tags` that exist in the repository `name`."""
        return [tag for tag in tags if self._has(name, tag)]

    def _has(self, name: str, tag: str) -> bool:
        try:
            self.ecr.describe_images(**self._named(name), imageIds=[{"imageTag": tag}])
        except self.ecr.exceptions.ImageNotFoundException:
            return False
        return True

    def _changes(self, name: str, pullers: Pullers, kms_key: str | None, reconcile: bool) -> Iterator[str]:
        repository = self._describe(name)
        if repository is None:
            self._create(name, kms_key)
            yield "created"
        elif reconcile:
            yield from self._settings(name, repository)
        current_lifecycle = self._lifecycle(name)
        if current_lifecycle is None or (reconcile and current_lifecycle != lifecycle()):
            self.ecr.put_lifecycle_policy(**self._named(name), lifecyclePolicyText=json.dumps(lifecycle()))
            yield "lifecycle"
        current = self._policy(name)
        policy = merged(current, statements(pullers, self.partition))
        if pullers and policy != current:
            self.ecr.set_repository_policy(**self._named(name), policyText=json.dumps(policy))
            yield "pull policy"

    def _named(self, name: str) -> dict[str, str]:
        return {"registryId": self.account, "repositoryName": name}

    def _describe(self, name: str) -> dict[str, Any] | None:
        try:
            return self.ecr.describe_repositories(registryId=self.account, repositoryNames=[name])["repositories"][0]
        except self.ecr.exceptions.RepositoryNotFoundException:
            return None

    def _create(self, name: str, kms_key: str | None) -> None:
        encryption = {"encryptionType": "KMS", "kmsKey": kms_key} if kms_key else {"encryptionType": "AES256"}
        self.ecr.create_repository(
            **self._named(name),
            imageTagMutability=MUTABILITY,
            imageTagMutabilityExclusionFilters=list(MOVING_TAGS),
            imageScanningConfiguration={"scanOnPush": True},
            encryptionConfiguration=encryption,
        )

    def _settings(self, name: str, repository: dict[str, Any]) -> Iterator[str]:
        """Update the settings of an existing repository; yields the changes."""
        filters = repository.get("imageTagMutabilityExclusionFilters", [])
        if repository["imageTagMutability"] != MUTABILITY or filters != list(MOVING_TAGS):
            self.ecr.put_image_tag_mutability(
                **self._named(name),
                imageTagMutability=MUTABILITY,
                imageTagMutabilityExclusionFilters=list(MOVING_TAGS),
            )
            yield "immutable tags"
        if not repository.get("imageScanningConfiguration", {}).get("scanOnPush"):
            self.ecr.put_image_scanning_configuration(
                **self._named(name), imageScanningConfiguration={"scanOnPush": True}
            )
            yield "scan on push"

    def _lifecycle(self, name: str) -> dict[str, Any] | None:
        try:
            return json.loads(self.ecr.get_lifecycle_policy(**self._named(name))["lifecyclePolicyText"])
        except self.ecr.exceptions.LifecyclePolicyNotFoundException:
            return None

    def _policy(self, name: str) -> dict[str, Any] | None:
        try:
            return json.loads(self.ecr.get_repository_policy(**self._named(name))["policyText"])
        except self.ecr.exceptions.RepositoryPolicyNotFoundException:
            return None
