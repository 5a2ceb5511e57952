"""Account: the fields that all boto3 requests of an AWS account share: role, KMS keys, VPC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

Request = dict[str, Any]

# Instance families with local NVMe storage, which is always encrypted: SageMaker refuses a KMS key for them.
OWN_DISKS = re.compile(r"ml\.([a-z]+\d[a-z]*d[a-z]*|g[5-9]e?|p[5-9][a-z]*|trn\d[a-z]*)\.")


@dataclass(frozen=True)
class Account:
    """Settings of an AWS account for jobs and endpoints.

    Attributes:
        role: ARN of the execution role.
        kms_key: key that encrypts volumes and results; None for the defaults of SageMaker and of the bucket.
        subnets, security_groups: VPC of the job; empty for none.
        isolated: network isolation. The images need no network: SageMaker downloads inputs and uploads results.
    """

    role: str
    kms_key: str | None = None
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    isolated: bool = True

    def key(self, instance_type: str | None = None, field: str = "KmsKeyId") -> Request:
        """The field with the KMS key, for results or for the volumes of `instance_type`; empty if there is none."""
        keyed = self.kms_key and not (instance_type and OWN_DISKS.match(instance_type))
        return {field: self.kms_key} if keyed else {}

    def cluster(self, instance_type: str, instance_count: int) -> Request:
        """The fields with type, number and volume key of the instances."""
        return {
            "InstanceType": instance_type,
            "InstanceCount": instance_count,
            **self.key(instance_type, "VolumeKmsKeyId"),
        }

    def vpc(self) -> Request:
        """The field VpcConfig; empty without a VPC."""
        config = {"Subnets": list(self.subnets), "SecurityGroupIds": list(self.security_groups)}
        return {"VpcConfig": config} if self.subnets else {}
