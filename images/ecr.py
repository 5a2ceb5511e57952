"""Commands of build.sh for ECR: get a login password, prepare a repository, list the tags that exist.

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
    """The password for `docker login --username AWS` at the registry `host`, valid for twelve hours.

    Raises:
        AwsError: AWS refuses it.
    """
    _, region = aws.account_and_region(host)
    with aws.explained(region):
        token = aws.client("ecr", region).get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return base64.b64decode(token).decode().partition(":")[2]


def prepare(host: str, repository: str, pullers: Pullers, kms_key: str | None) -> list[str]:
    """Create `repository` in the registry `host`, or update its settings; returns the changes.

    Raises:
        AwsError: AWS refuses a change.
    """
    account, region = aws.account_and_region(host)
    with aws.explained(region):
        repositories = Repositories(aws.client("ecr", region), account, aws.partition(region))
        return repositories.ensure(repository, pullers, kms_key)


def present(host: str, repository: str, tags: Sequence[str]) -> list[str]:
    """The tags of `tags` that exist in `repository`.

    Raises:
        AwsError: AWS refuses the request.
    """
    account, region = aws.account_and_region(host)
    with aws.explained(region):
        return Repositories(aws.client("ecr", region), account, aws.partition(region)).present(repository, tags)


def account_ids(text: str) -> tuple[str, ...]:
    """Parse --pull-accounts: twelve-digit account ids, separated by commas."""
    accounts = tuple(filter(None, text.split(",")))
    invalid = next((account for account in accounts if not re.fullmatch(r"\d{12}", account)), None)
    if invalid is not None:
        raise argparse.ArgumentTypeError(f"{invalid!r} is not an account id; expected twelve digits")
    return accounts


def organization_id(text: str) -> str | None:
    """Parse --pull-organization: the id of an AWS organization; empty means None."""
    if text and not re.fullmatch(r"o-[a-z0-9]{10,32}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not an organization id; expected o- and ten or more characters")
    return text or None


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    root = argparse.ArgumentParser(prog="python -m images.ecr", allow_abbrev=False)
    commands = root.add_subparsers(dest="command", required=True)
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
    return root


def main(arguments: Sequence[str]) -> int:
    """Run a command of the command line; returns the exit status."""
    options = parser().parse_args(arguments)
    try:
        if options.command == "password":
            print(password(options.host))
        elif options.command == "present":
            print("\n".join(present(options.host, options.repository, options.tags)))
        else:
            pullers = Pullers(options.pull_accounts, options.pull_organization)
            changes = prepare(options.host, options.repository, pullers, options.kms_key)
            print(f"{options.host}/{options.repository}: {', '.join(changes) or 'unchanged'}")
    except aws.AwsError as error:
        print(f"build.sh: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
