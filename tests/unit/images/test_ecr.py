"""The commands of build.sh for ECR."""

from __future__ import annotations

import pytest

from images import ecr

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"

pytestmark = pytest.mark.usefixtures("aws_account")


def test_the_password_is_the_tokens_without_its_user(capsys: pytest.CaptureFixture[str]) -> None:
    assert ecr.main(["password", HOST]) == 0
    assert capsys.readouterr().out == "123456789012-auth-token\n"


def test_preparing_twice_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["prepare", HOST, "sagemaker-x", "--pull-accounts", "111122223333,444455556666"]
    assert (ecr.main(command), ecr.main(command)) == (0, 0)
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"{HOST}/sagemaker-x: created, lifecycle, pull policy"
    assert second == f"{HOST}/sagemaker-x: unchanged"


def test_another_registry_is_refused_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert ecr.main(["prepare", "localhost:5000", "sagemaker-x"]) == 1
    assert capsys.readouterr().err.startswith("build.sh: registry localhost:5000 is not in ECR; expected")


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--pull-accounts", "1234", "'1234' is not an account id; expected twelve digits"),
        ("--pull-organization", "acme", "'acme' is not an organization id; expected o-"),
    ],
)
def test_who_may_pull_is_checked(option: str, value: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        ecr.main(["prepare", HOST, "sagemaker-x", option, value])
    assert sentence in capsys.readouterr().err
