"""The URI of an image to launch: given, from images.json, or from an SSM parameter.

uri("images.json", "training")                  # what build.sh --push wrote, by digest
uri("/ml/images/training/latest", "training")   # what build.sh --publish-parameters /ml/images named, by digest
uri("sagemaker-huggingface-training:0.1.0", "training")     # for local mode
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import boto3

IMAGES = ("processing", "training", "inference")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One argument for each image."""
    for image in IMAGES:
        parser.add_argument(f"--{image}", required=True, help="URI, images.json, or a parameter's name in SSM")


def given_uris(given: argparse.Namespace) -> dict[str, str]:
    """The images that the arguments of `add_arguments` name.

    Raises:
        LookupError, OSError: as `uri`.
    """
    return {image: uri(getattr(given, image), image) for image in IMAGES}


def uri(source: str, image: str, ssm: Any = None) -> str:
    """What a job of `image` (processing, training or inference) should name.

    Args:
        source: a path that ends in .json, the name of a parameter, which begins with a slash, or a URI.
        ssm: client to read the parameter with; none takes boto3's own region and credentials.

    Raises:
        LookupError: `source` is there and has no such image, or there is no such parameter.
        OSError: the file cannot be read.
    """
    if source.endswith(".json"):
        return from_file(Path(source), image)
    if source.startswith("/"):
        return from_parameter(source, ssm or boto3.client("ssm"))
    return source


def from_file(path: Path, image: str) -> str:
    images = json.loads(path.read_text(encoding="utf-8"))["images"]
    if image not in images:
        raise LookupError(f"{path} has no image {image}, expected one of: {', '.join(images)}")
    return str(images[image]["uri_by_digest"])


def from_parameter(name: str, ssm: Any) -> str:
    try:
        return str(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        raise LookupError(
            f"SSM has no parameter {name} in region {ssm.meta.region_name}; expected /PREFIX/IMAGE/VERSION or "
            "/PREFIX/IMAGE/latest, as build.sh --publish-parameters PREFIX made them"
        ) from None
