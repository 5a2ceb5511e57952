"""`python -m images.permissions`: the IAM policies of docs/policies, filled in for an account and a region.

usage: python -m images.permissions processing|training|inference --account ID --region R --images-account ID
           --bucket B --prefix P      what the job's role may do
       python -m images.permissions trust|network --account ID --region R
       python -m images.permissions key --kms-key ARN
       python -m images.permissions publisher-trust --account ID --region R --repository OWNER/NAME
       python -m images.permissions publisher --account ID --region R --parameters PREFIX
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from string import Template

from images import aws
from images.catalog import Catalog

FOLDER = Path(__file__).parents[1] / "docs" / "policies"
# What a value may hold. No wildcard: it would open what the policy is there to close.
FORMS = {
    "account": (r"\d{12}", "twelve digits"),
    "images_account": (r"\d{12}", "twelve digits"),
    "region": (r"[a-z]+(-[a-z]+)+-\d", "a region such as eu-west-1"),
    "bucket": (r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of a bucket"),
    "prefix": (r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*", "a prefix such as teams/reviews"),
    "kms_key": (r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+", "the ARN of a key"),
    "repository": (r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+", "a repository on GitHub such as owner/name"),
    "parameters": (r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*", "a prefix such as ml/images"),
}


class PermissionsError(Exception):
    """What a policy lacks, in one sentence."""


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def filled(name: str, given: Mapping[str, str]) -> str:
    """The policy `name` with the values `given`, by the names of FORMS.

    The partition and the account of the bases follow from the region.

    Raises:
        PermissionsError: the policy needs a value that is not given.
    """
    values = {**given, **(derived(given["region"]) if "region" in given else {})}
    template = Template((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    missing = sorted(set(template.get_identifiers()) - set(values))
    if missing:
        wanted = [key for key in missing if key in FORMS] or ["region"]
        raise PermissionsError(f"policy {name} needs {', '.join(map(flag, wanted))}")
    return template.substitute(values)


def derived(region: str) -> dict[str, str]:
    return {"partition": aws.partition(region), "base_account": Catalog.read().owner(region)}


def flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def value_of(name: str) -> Callable[[str], str]:
    """Reads the option `name`, which must look as FORMS says."""
    form, words = FORMS[name]

    def read(text: str) -> str:
        if not re.fullmatch(form, text):
            raise argparse.ArgumentTypeError(f"{text!r} does not fit, expected {words}")
        return text

    return read


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m images.permissions", allow_abbrev=False)
    parser.add_argument("policy", choices=names())
    for name in FORMS:
        parser.add_argument(flag(name), type=value_of(name))
    given = vars(parser.parse_args(arguments))
    try:
        print(filled(given.pop("policy"), {name: text for name, text in given.items() if text}), end="")
    except PermissionsError as error:
        print(f"permissions: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
