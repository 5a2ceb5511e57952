"""Account: the fields that all boto3 requests of an AWS account share: role, KMS keys, VPC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

Request = dict[str, Any]

# Instance families with local NVMe storage, which is always encrypted: SageMaker refuses a KMS key for them.
OWN_DISKS = re.compile(r"ml\.([a-z]+\d[a-z]*d[a-z]*|gr?[5-9][ef]?|i\d[a-z]*|p[5-9][a-z0-9-]*|trn\d[a-z]*)\.")
# Instance families whose hosts have NVIDIA driver 470 (CUDA 11.4) by default, which is too old for the images, and the
# versions of the hosts' images to ask for: driver 550 (CUDA 12.4) for endpoints, 535 for batch transform.
# Source: SageMaker API Reference, ProductionVariant.InferenceAmiVersion and TransformResources.TransformAmiVersion.
OLD_DRIVER = re.compile(r"ml\.(g4dn|g5)\.")
INFERENCE_AMI, TRANSFORM_AMI = "al2-ami-sagemaker-inference-gpu-3-1", "al2-ami-sagemaker-batch-gpu-535"


def ami_version(field: str, version: str, instance_type: str) -> Request:
    """The `field` with the version of the hosts' image; empty for instances whose default driver is new enough."""
    return {field: version} if OLD_DRIVER.match(instance_type) else {}


def inference_ami(instance_type: str) -> str | None:
    """Value of inference_ami_version, which the SDK's deploy() takes; None for the default."""
    return INFERENCE_AMI if OLD_DRIVER.match(instance_type) else None


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
