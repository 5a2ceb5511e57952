"""Resolves the URI of an image to launch: a URI itself, from images.json, or from an SSM parameter.

uri("images.json", "training")                  # by digest, from the file that build.sh --push wrote
uri("/ml/images/training/latest", "training")   # by digest, from build.sh --publish-parameters /ml/images
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
    """Add the options --processing, --training and --inference to a parser."""
    for image in IMAGES:
        parser.add_argument(f"--{image}", required=True, help="URI, images.json, or the name of an SSM parameter")


def selected_uris(options: argparse.Namespace) -> dict[str, str]:
    """URI of each image, from the parsed options of `add_arguments`.

    Raises:
        LookupError, OSError: as `uri`.
    """
    return {image: uri(getattr(options, image), image) for image in IMAGES}


def uri(source: str, image: str, ssm: Any = None) -> str:
    """The URI of the image `image` (processing, training or inference).

    Args:
        source: a path that ends in .json, the name of an SSM parameter, which begins with a slash, or a URI.
        ssm: boto3 client for SSM; None creates one with boto3's default region and credentials.

    Raises:
        LookupError: the file has no such image, or the parameter does not exist.
        OSError: the file cannot be read.
    """
    if source.endswith(".json"):
        return from_file(Path(source), image)
    if source.startswith("/"):
        return from_parameter(source, ssm or boto3.client("ssm"))
    return source


def from_file(path: Path, image: str) -> str:
    """The URI of `image` in a file that build.sh wrote; raises LookupError if it has none."""
    images = json.loads(path.read_text(encoding="utf-8"))["images"]
    if image not in images:
        raise LookupError(f"{path} has no image {image}, expected one of: {', '.join(images)}")
    return str(images[image]["uri_by_digest"])


def from_parameter(name: str, ssm: Any) -> str:
    """The value of an SSM parameter; raises LookupError if it does not exist."""
    try:
        return str(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        raise LookupError(
            f"SSM has no parameter {name} in region {ssm.meta.region_name}; expected /PREFIX/IMAGE/VERSION or "
            "/PREFIX/IMAGE/latest, as build.sh --publish-parameters PREFIX creates them"
        ) from None
