"""Repositories against moto's ECR."""

from __future__ import annotations

import json
from typing import Any

import pytest

from images import aws
from images.policies import Pullers, lifecycle
from images.repositories import Repositories

ACCOUNT, REGION, NAME = "123456789012", "eu-west-1", "sagemaker-huggingface-training"
PULLERS = Pullers(("111122223333", "444455556666"), "o-abcdefghij")


@pytest.fixture
def repositories(aws_account: None) -> Repositories:
    return Repositories(aws.client("ecr", REGION), ACCOUNT, aws.partition(REGION))


def policy(repositories: Repositories) -> dict[str, Any]:
    return json.loads(repositories.ecr.get_repository_policy(repositoryName=NAME)["policyText"])


def described(repositories: Repositories) -> dict[str, Any]:
    return repositories.ecr.describe_repositories(repositoryNames=[NAME])["repositories"][0]


def test_a_missing_repository_is_made_and_the_second_call_changes_nothing(repositories: Repositories) -> None:
    assert repositories.ensure(NAME, PULLERS) == ["created", "lifecycle", "pull policy"]
    made = described(repositories)
    assert made["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert made["imageTagMutabilityExclusionFilters"] == [{"filterType": "WILDCARD", "filter": "latest*"}]
    assert made["imageScanningConfiguration"] == {"scanOnPush": True}
    assert made["encryptionConfiguration"] == {"encryptionType": "AES256"}
    assert repositories.ensure(NAME, PULLERS) == []


def test_the_configured_key_encrypts(repositories: Repositories) -> None:
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
    repositories.ensure(NAME, Pullers(), key)
    assert described(repositories)["encryptionConfiguration"] == {"encryptionType": "KMS", "kmsKey": key}


def test_settings_are_updated_and_statements_of_others_are_kept(
    repositories: Repositories,
) -> None:
    repositories.ecr.create_repository(repositoryName=NAME, imageTagMutability="MUTABLE")
    theirs = {"Sid": "Theirs", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": ["ecr:DeleteRepository"]}
    document = {"Version": "2012-10-17", "Statement": [theirs]}
    repositories.ecr.set_repository_policy(repositoryName=NAME, policyText=json.dumps(document))
    assert repositories.ensure(NAME, Pullers(), reconcile=True) == ["immutable tags", "scan on push", "lifecycle"]
    assert policy(repositories)["Statement"] == [theirs]
    repositories.ensure(NAME, Pullers(("111122223333",)))
    assert repositories.ensure(NAME, Pullers(("444455556666",))) == ["pull policy"]
    found = policy(repositories)["Statement"]
    assert found[0] == theirs
    assert found[1]["Principal"] == {"AWS": ["arn:aws:iam::444455556666:root"]}


def test_settings_of_others_stay_unless_they_are_to_be_reconciled(repositories: Repositories) -> None:
    repositories.ecr.create_repository(repositoryName=NAME, imageTagMutability="MUTABLE")
    theirs = lifecycle()
    theirs["rules"][0]["selection"]["countNumber"] = 90
    repositories.ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=json.dumps(theirs))
    assert repositories.ensure(NAME, Pullers()) == []
    assert described(repositories)["imageTagMutability"] == "MUTABLE"
    text = repositories.ecr.get_lifecycle_policy(repositoryName=NAME)["lifecyclePolicyText"]
    assert json.loads(text) == theirs
    changes = ["immutable tags", "scan on push", "lifecycle"]
    assert repositories.ensure(NAME, Pullers(), reconcile=True) == changes
    assert repositories.ensure(NAME, Pullers(), reconcile=True) == []


def test_a_repository_without_a_lifecycle_policy_gets_one(repositories: Repositories) -> None:
    repositories.ecr.create_repository(repositoryName=NAME)
    assert repositories.ensure(NAME, Pullers()) == ["lifecycle"]


def test_no_statement_allows_everybody_or_more_than_pull(repositories: Repositories) -> None:
    repositories.ensure(NAME, PULLERS)
    for statement in policy(repositories)["Statement"]:
        assert set(statement["Action"]) <= {
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
        }
        is_open = "*" in statement["Principal"].values() or "Service" in statement["Principal"]
        assert "Condition" in statement or not is_open


def test_images_expire_by_age_when_untagged_and_by_number_when_tagged(repositories: Repositories) -> None:
    repositories.ensure(NAME, Pullers())
    text = repositories.ecr.get_lifecycle_policy(repositoryName=NAME)["lifecyclePolicyText"]
    untagged, tagged = (rule["selection"] for rule in json.loads(text)["rules"])
    assert (untagged["tagStatus"], untagged["countUnit"], untagged["countNumber"]) == ("untagged", "days", 14)
    assert (tagged["tagStatus"], tagged["countType"], tagged["countNumber"]) == ("tagged", "imageCountMoreThan", 500)


def test_present_lists_the_tags_that_exist(repositories: Repositories) -> None:
    repositories.ensure(NAME, Pullers())
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"digest": "sha256:" + "a" * 64, "size": 1, "mediaType": "x"},
        "layers": [],
    }
    repositories.ecr.put_image(repositoryName=NAME, imageManifest=json.dumps(manifest), imageTag="1.0.0")
    assert repositories.present(NAME, ["1.0.0", "1.0.0-abc"]) == ["1.0.0"]


@pytest.mark.parametrize(("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")])
def test_principals_are_of_the_regions_partition(repositories: Repositories, region: str, partition: str) -> None:
    elsewhere = Repositories(aws.client("ecr", region), ACCOUNT, aws.partition(region))
    elsewhere.ensure(NAME, Pullers(("111122223333",)))
    text = elsewhere.ecr.get_repository_policy(repositoryName=NAME)["policyText"]
    assert f"arn:{partition}:iam::111122223333:root" in text
