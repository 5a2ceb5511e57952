"""The policies of docs/policies allow what is needed, and no more."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import settings
from moto.core.authorization import ActionAuthenticatorMixin

from images import aws, ecr, permissions, release
from images.catalog import Catalog
from images.policies import Pullers

REGION, ACCOUNT, IMAGES_ACCOUNT = "eu-west-1", "123456789012", "210987654321"
HOST = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
GIVEN = {
    "account": ACCOUNT,
    "images_account": IMAGES_ACCOUNT,
    "region": REGION,
    "bucket": "reviews-bucket",
    "prefix": "teams/reviews",
    "kms_key": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1",
    "repository": "owner/name",
    "parameters": "ml/images",
}
JOBS = ("processing", "training", "inference")
# Actions for which IAM has no resource (Service Authorization Reference).
WITHOUT_RESOURCE = {"ecr:GetAuthorizationToken", "cloudwatch:PutMetricData"}
# Changes of the first statement of a policy, with the linter's finding.
BROKEN = {
    "UNKNOWN_ACTION": {"Action": "s3:GetObjects"},
    "RESOURCE_STAR": {"Resource": "*"},
    "RESOURCE_MISMATCH": {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::reviews-bucket"},
}


def policy(name: str, **values: str) -> dict[str, Any]:
    return json.loads(permissions.filled(name, GIVEN | values))


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def actions(name: str) -> list[str]:
    return [action for statement in policy(name)["Statement"] for action in listed(statement["Action"])]


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Findings of parliament, a linter of policies, for the valid and the broken policies, by name."""
    folder = tmp_path_factory.mktemp("policies")
    # Trust policies have no resource, which the linter requires of all policies.
    documents = {name: policy(name) for name in permissions.names() if "trust" not in name}
    for finding, change in BROKEN.items():
        documents[finding] = policy("training")
        documents[finding]["Statement"][0] |= change
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document))
    # In a separate process, since its import warns about setuptools.
    command: list[str | Path] = [Path(sys.executable).with_name("parliament"), "--json", "--directory", folder]
    said = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL).stdout
    found = [json.loads(line) for line in said.splitlines()]
    return {
        name: [each["issue"] for each in found if Path(each["location"]["filepath"]).stem == name] for name in documents
    }


def test_the_linter_of_policies_finds_what_is_broken_and_nothing_else(findings: dict[str, list[str]]) -> None:
    assert findings == {name: [name] if name in BROKEN else [] for name in findings}
    assert len(findings) == len(permissions.names()) - 2 + len(BROKEN)


@pytest.mark.parametrize("name", permissions.names())
def test_a_wildcard_resource_is_used_only_where_iam_has_no_other(name: str) -> None:
    for statement in policy(name)["Statement"]:
        assert statement["Effect"] == "Allow"
        open_actions = listed(statement["Action"]) if "*" in listed(statement.get("Resource", "none")) else []
        assert all(action in WITHOUT_RESOURCE or action.startswith("ec2:Describe") for action in open_actions)
        assert not any("*" in action for action in listed(statement["Action"]))
        assert "Condition" in statement or "cloudwatch:PutMetricData" not in open_actions


@pytest.mark.parametrize("image", JOBS)
def test_a_job_pulls_its_own_image_and_no_other(image: str) -> None:
    pull = next(statement for statement in policy(image)["Statement"] if "ecr:BatchGetImage" in statement["Action"])
    catalog = Catalog.read()
    repositories = [catalog.field(name, "repository") for name in catalog.names() if catalog.package(name) == image]
    assert listed(pull["Resource"]) == [f"arn:aws:ecr:{REGION}:{IMAGES_ACCOUNT}:repository/{r}" for r in repositories]


def test_only_sagemaker_in_the_same_account_takes_the_role() -> None:
    (statement,) = policy("trust")["Statement"]
    assert statement["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}


def test_only_the_release_of_one_repository_takes_the_publishers_role() -> None:
    (statement,) = policy("publisher-trust")["Statement"]
    conditions = statement["Condition"]["StringEquals"]
    assert conditions["token.actions.githubusercontent.com:sub"] == "repo:owner/name:environment:release"
    workflow = (permissions.FOLDER.parents[1] / ".github" / "workflows" / "release.yml").read_text()
    assert "environment: release\n" in workflow and "id-token: write\n" in workflow


def test_the_publisher_reaches_every_image_and_every_base() -> None:
    reached = [resource for statement in policy("publisher")["Statement"] for resource in listed(statement["Resource"])]
    catalog = Catalog.read()
    for image in catalog.names():
        assert f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{catalog.field(image, 'repository')}" in reached
    for base in catalog.content["bases"]["dlc"].values():
        assert f"arn:aws:ecr:{REGION}:763104351884:repository/{base.partition(':')[0]}" in reached


def test_partition_and_owner_of_the_bases_follow_from_the_region() -> None:
    text = permissions.filled("publisher", GIVEN | {"region": "cn-north-1"})
    assert "arn:aws-cn:ecr:cn-north-1:727897471807:repository/huggingface-pytorch-training" in text
    assert "arn:aws:" not in text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["trust"], "policy trust needs --account (twelve digits), --region (a region such as eu-west-1)"),
        (["publisher", "--region", "eu-west-1"], "policy publisher needs --account (twelve digits)\n"),
        (["key", "--kms-key", "*"], "argument --kms-key: '*' is not valid, expected the ARN of a key"),
        (["training", "--bucket", "a*"], "argument --bucket: 'a*' is not valid"),
        (["training", "--prefix", "a/*"], "argument --prefix: 'a/*' is not valid"),
        (["training", "--prefix", ".."], "argument --prefix: '..' is not valid"),
        (["training", "--prefix", "a/../b"], "argument --prefix: 'a/../b' is not valid"),
        (["publisher", "--parameters", "./a"], "argument --parameters: './a' is not valid"),
        (["training", "--bucket", "a..b"], "argument --bucket: 'a..b' is not valid"),
    ],
)
def test_missing_and_too_wide_values_are_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    try:
        status = permissions.main(arguments)
    except SystemExit as stopped:
        status = int(str(stopped.code))
    assert status == 2
    assert sentence in capsys.readouterr().err


def test_region_and_parameters_have_defaults(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    assert permissions.main(["publisher", "--account", ACCOUNT]) == 0
    assert json.loads(capsys.readouterr().out) == policy("publisher")


@pytest.fixture
def become(aws_account: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Switch this process to a user with one policy, which moto enforces from then on."""

    def become(document: dict[str, Any]) -> None:
        iam = boto3.client("iam", region_name=REGION)
        iam.create_user(UserName="user")
        iam.put_user_policy(UserName="user", PolicyName="given", PolicyDocument=json.dumps(document))
        key = iam.create_access_key(UserName="user")["AccessKey"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        # The default session has cached the earlier keys.
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
        monkeypatch.setattr(settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0)
        monkeypatch.setattr(ActionAuthenticatorMixin, "request_count", 0)

    yield become


def without(document: dict[str, Any], action: str) -> dict[str, Any]:
    """The policy without one action, for all resources, since moto checks only actions for ECR and SSM."""
    statements = [
        statement | {"Resource": "*", "Action": [each for each in listed(statement["Action"]) if each != action]}
        for statement in document["Statement"]
    ]
    return document | {"Statement": [statement for statement in statements if statement["Action"]]}


def publish(repository: str) -> None:
    """The AWS requests of a push by build.sh, for a missing repository and for one with other settings."""
    image = release.Image("training", "", f"{HOST}/x@sha256:1", "", "", 1, "1.0.0", "", {})
    pullers = Pullers(("111122223333",))
    ecr.password(HOST)
    ecr.prepare(HOST, "sagemaker-other-settings", pullers, reconcile=True)
    ecr.prepare(HOST, repository, pullers)
    ecr.present(HOST, repository, ["1.0.0"])
    release.publish_all([image], "ml/images", REGION)


@pytest.fixture
def other_settings(aws_account: None) -> None:
    boto3.client("ecr", region_name=REGION).create_repository(repositoryName="sagemaker-other-settings")


def test_the_publishers_policy_suffices(other_settings: None, become: Callable[[dict[str, Any]], None]) -> None:
    become(without(policy("publisher"), "none"))
    publish("sagemaker-huggingface-training")


# The other actions are for layers and manifests, which moto does not support.
CALLED = [
    *(action for action in actions("publisher") if action.startswith("ssm:")),
    "ecr:GetAuthorizationToken",
    "ecr:DescribeImages",
    *next(entry for entry in policy("publisher")["Statement"] if entry["Sid"] == "Repositories")["Action"],
]


@pytest.mark.parametrize("action", CALLED)
def test_the_publisher_needs_each_action(
    action: str, other_settings: None, become: Callable[[dict[str, Any]], None]
) -> None:
    become(without(policy("publisher"), action))
    # moto's error message differs from ECR's, which build.sh parses.
    with pytest.raises(aws.AwsError, match=f"not authorized to perform: {action}<"):
        publish("sagemaker-huggingface-training")


@pytest.mark.parametrize("image", JOBS)
def test_a_job_reads_and_writes_below_its_prefix_only(
    image: str, aws_account: None, become: Callable[[dict[str, Any]], None]
) -> None:
    s3 = boto3.client("s3", region_name=REGION)
    for bucket in ("reviews-bucket", "other-bucket"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=bucket, Key="teams/other/a", Body=b"1")
    become(policy(image))
    s3 = boto3.client("s3", region_name=REGION)
    s3.put_object(Bucket="reviews-bucket", Key="teams/reviews/a", Body=b"1")
    assert s3.get_object(Bucket="reviews-bucket", Key="teams/reviews/a")["Body"].read() == b"1"
    for bucket, key in (("reviews-bucket", "teams/other/a"), ("other-bucket", "teams/other/a")):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.get_object(Bucket=bucket, Key=key)
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.delete_object(Bucket="reviews-bucket", Key="teams/reviews/a")
