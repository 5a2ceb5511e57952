"""What every boto3 request of an account has in common: role, KMS keys, VPC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

Request = dict[str, Any]

# Families of instances with disks of their own, which are encrypted already: SageMaker refuses a key for them.
OWN_DISKS = re.compile(r"ml\.([a-z]+\d[a-z]*d[a-z]*|g[5-9]e?|p[5-9][a-z]*|trn\d[a-z]*)\.")


@dataclass(frozen=True)
class Account:
    """An AWS account as jobs and endpoints see it.

    Attributes:
        role: ARN that the job acts as.
        kms_key: encrypts volumes and results; None takes SageMaker's and the bucket's own.
        subnets, security_groups: the job's VPC; empty for none.
        isolated: without any network. The images need none: SageMaker itself brings data and takes results away.
    """

    role: str
    kms_key: str | None = None
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    isolated: bool = True

    def key(self, instance_type: str | None = None, field: str = "KmsKeyId") -> Request:
        """The key of results, or of the volumes of `instance_type` where it has any."""
        keyed = self.kms_key and not (instance_type and OWN_DISKS.match(instance_type))
        return {field: self.kms_key} if keyed else {}

    def cluster(self, instance_type: str, instance_count: int) -> Request:
        return {
            "InstanceType": instance_type,
            "InstanceCount": instance_count,
            **self.key(instance_type, "VolumeKmsKeyId"),
        }

    def vpc(self) -> Request:
        places = {"Subnets": list(self.subnets), "SecurityGroupIds": list(self.security_groups)}
        return {"VpcConfig": places} if self.subnets else {}
