"""Commands of build.sh for ECR: log in, and create the repositories to push to.

usage: python -m images.ecr password HOST
       python -m images.ecr prepare HOST REPOSITORY [--pull-accounts ID,ID] [--pull-organization ID] [--kms-key ARN]
       python -m images.ecr present HOST REPOSITORY TAG...
"""

from __future__ import annotations

import argparse
import base64
import re
import sys
from collections.abc import Sequence

from images import aws
from images.policies import Pullers
from images.repositories import Repositories


def password(host: str) -> str:
    """A password of twelve hours for the user AWS of the registry `host`.

    Raises:
        AwsError: AWS gives none.
    """
    _, region = aws.account_and_region(host)
    with aws.explained(region):
        token = aws.client("ecr", region).get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return base64.b64decode(token).decode().partition(":")[2]


def prepare(host: str, repository: str, pullers: Pullers, kms_key: str | None) -> list[str]:
    """Have `repository` in the registry `host` as it should be; returns what was changed.

    Raises:
        AwsError: AWS refuses a step.
    """
    account, region = aws.account_and_region(host)
    with aws.explained(region):
        repositories = Repositories(aws.client("ecr", region), account, aws.partition(region))
        return repositories.ensure(repository, pullers, kms_key)


def present(host: str, repository: str, tags: Sequence[str]) -> list[str]:
    """Those of `tags` that `repository` has.

    Raises:
        AwsError: AWS does not tell.
    """
    account, region = aws.account_and_region(host)
    with aws.explained(region):
        return Repositories(aws.client("ecr", region), account, aws.partition(region)).present(repository, tags)


def account_ids(text: str) -> tuple[str, ...]:
    """Twelve-digit ids, separated by commas."""
    found = tuple(filter(None, text.split(",")))
    wrong = next((account for account in found if not re.fullmatch(r"\d{12}", account)), None)
    if wrong is not None:
        raise argparse.ArgumentTypeError(f"{wrong!r} is no account id; expected twelve digits")
    return found


def organization_id(text: str) -> str | None:
    if text and not re.fullmatch(r"o-[a-z0-9]{10,32}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no organization id; expected o- and ten or more characters")
    return text or None


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog="python -m images.ecr", allow_abbrev=False)
    commands = found.add_subparsers(dest="command", required=True)
    commands.add_parser("password").add_argument("host")
    prepare_ = commands.add_parser("prepare")
    prepare_.add_argument("host")
    prepare_.add_argument("repository")
    prepare_.add_argument("--pull-accounts", type=account_ids, default=())
    prepare_.add_argument("--pull-organization", type=organization_id)
    prepare_.add_argument("--kms-key")
    present_ = commands.add_parser("present")
    present_.add_argument("host")
    present_.add_argument("repository")
    present_.add_argument("tags", nargs="+")
    return found


def main(arguments: Sequence[str]) -> int:
    given = parser().parse_args(arguments)
    try:
        if given.command == "password":
            print(password(given.host))
        elif given.command == "present":
            print("\n".join(present(given.host, given.repository, given.tags)))
        else:
            pullers = Pullers(given.pull_accounts, given.pull_organization)
            changes = prepare(given.host, given.repository, pullers, given.kms_key)
            print(f"{given.host}/{given.repository}: {', '.join(changes) or 'nothing to change'}")
    except aws.AwsError as error:
        print(f"build.sh: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
