"""Fills the IAM policies of docs/policies with an account, region, bucket and other values, and prints them.

usage: python -m images.permissions processing|training|inference --account ID --region R --images-account ID
           --bucket B --prefix P      the policy of the job's role
       python -m images.permissions trust|network --account ID --region R
       python -m images.permissions key --kms-key ARN
       python -m images.permissions publisher-trust --account ID --region R --repository OWNER/NAME
       python -m images.permissions publisher --account ID [--region R] [--parameters PREFIX]

The region is by default that of AWS_REGION or AWS_DEFAULT_REGION, the prefix of SSM parameters ml/images.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from string import Template

from images import aws
from images.catalog import Catalog

FOLDER = Path(__file__).parents[1] / "docs" / "policies"
# Parts of a path, none of which is . or ..
PREFIX = r"(?!\.{1,2}(/|$))[A-Za-z0-9._-]+(/(?!\.{1,2}(/|$))[A-Za-z0-9._-]+)*"
# Allowed values. None may contain a wildcard, which would grant more than the policy intends.
FORMS = {
    "account": (r"\d{12}", "twelve digits"),
    "images_account": (r"\d{12}", "twelve digits"),
    "region": (r"[a-z]+(-[a-z]+)+-\d", "a region such as eu-west-1"),
    "bucket": (r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of a bucket"),
    "prefix": (PREFIX, "a prefix such as teams/reviews"),
    "kms_key": (r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+", "the ARN of a key"),
    "repository": (r"[A-Za-z0-9-]+/(?!\.{1,2}$)[A-Za-z0-9._-]+", "a repository on GitHub such as owner/name"),
    "parameters": (PREFIX, "a prefix such as ml/images"),
}


class PermissionsError(Exception):
    """A value that a policy needs is missing; one sentence."""


def names() -> list[str]:
    """Names of the policies in docs/policies."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def filled(name: str, values: Mapping[str, str]) -> str:
    """The policy `name` with its placeholders replaced by `values`, whose keys are those of FORMS.

    The partition and the account of the base images are derived from the region.

    Raises:
        PermissionsError: the policy needs a value that `values` lack.
    """
    values = {**values, **(derived(values["region"]) if "region" in values else {})}
    template = Template((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    missing = sorted(set(template.get_identifiers()) - set(values))
    if missing:
        options = [key for key in missing if key in FORMS] or ["region"]
        raise PermissionsError(f"policy {name} needs {', '.join(f'{flag(key)} ({FORMS[key][1]})' for key in options)}")
    return template.substitute(values)


def derived(region: str) -> dict[str, str]:
    """The values that follow from the region."""
    return {"partition": aws.partition(region), "base_account": Catalog.read().owner(region)}


def flag(name: str) -> str:
    """The command line flag of a value."""
    return "--" + name.replace("_", "-")


def value_of(name: str) -> Callable[[str], str]:
    """A function that parses the flag of the value `name` and checks it against FORMS."""
    form, words = FORMS[name]

    def read(text: str) -> str:
        if not re.fullmatch(form, text):
            raise argparse.ArgumentTypeError(f"{text!r} is not valid, expected {words}")
        return text

    return read


def main(arguments: Sequence[str]) -> int:
    """Print the policy that the command line names; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m images.permissions", allow_abbrev=False, description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("policy", choices=names(), help="file of docs/policies; a missing value is named")
    defaults = {
        "region": os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"),
        "parameters": "ml/images",
    }
    for name in FORMS:
        default = defaults.get(name)
        words = FORMS[name][1] + (f" (default: {default})" if default else "")
        parser.add_argument(flag(name), type=value_of(name), default=default, help=words)
    options = vars(parser.parse_args(arguments))
    try:
        print(filled(options.pop("policy"), {name: text for name, text in options.items() if text}), end="")
    except PermissionsError as error:
        print(f"permissions: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
