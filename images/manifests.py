"""Reads the media type of a pushed image from its registry: SageMaker takes Docker v2 manifests only, no OCI ones.

Sources: aws/amazon-sagemaker-feedback issue 180; OCI distribution specification, "Pulling manifests".
"""

from __future__ import annotations

import json
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from contract.failures import UserError
from images import aws
from images.engine import Engine

ACCEPTED = "application/vnd.docker.distribution.manifest.v2+json"
OTHERS = (
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
)
SECONDS = 30
REMEDY = (
    "expected a client that pushes Docker v2 manifests: docker-buildx from 0.11 on, or an engine without the "
    'containerd image store ("features": {"containerd-snapshotter": false} in daemon.json)'
)


def check(engine: Engine, tag: str) -> None:
    """Check that the registry holds `tag` as an image that SageMaker takes.

    Raises:
        UserError: it holds an index or an OCI manifest, or its manifest cannot be read.
        AwsError: ECR refuses the request.
    """
    found = media_type(engine, tag)
    if found != ACCEPTED:
        raise UserError(f"the registry holds {tag} as {found}, which SageMaker refuses; {REMEDY}")


def media_type(engine: Engine, tag: str) -> str:
    """The media type of the manifest of `tag` in its registry.

    Raises:
        UserError: the manifest cannot be read.
        AwsError: ECR refuses the request.
    """
    name, _, version = tag.rpartition(":")
    host, _, repository = name.partition("/")
    if ".dkr.ecr" in host:
        return of_ecr(host, repository, version)
    return of_registry(engine, host, repository, version)


def of_ecr(host: str, repository: str, tag: str) -> str:
    """The media type in an ECR registry."""
    account, region = aws.account_and_region(host)
    with aws.explained(region):
        found = aws.client("ecr", region).batch_get_image(
            registryId=account,
            repositoryName=repository,
            imageIds=[{"imageTag": tag}],
            acceptedMediaTypes=[ACCEPTED, *OTHERS],
        )["images"]
    if not found:
        raise UserError(f"{host}/{repository} has no tag {tag}, expected the one that was pushed")
    manifest = json.loads(found[0]["imageManifest"])
    return str(found[0].get("imageManifestMediaType") or manifest.get("mediaType"))


def of_registry(engine: Engine, host: str, repository: str, tag: str) -> str:
    """The media type in another registry; the client, which has logins and certificates, is asked where this fails."""
    # An engine needs neither a certificate nor a proxy for a registry on this machine.
    is_local = host.split(":")[0] in ("localhost", "127.0.0.1")
    opener = build_opener(ProxyHandler({})) if is_local else build_opener()
    url = f"{'http' if is_local else 'https'}://{host}/v2/{repository}/manifests/{tag}"
    try:
        with opener.open(Request(url, headers={"Accept": ", ".join([ACCEPTED, *OTHERS])}), timeout=SECONDS) as answer:  # noqa: S310
            return str(answer.headers["Content-Type"])
    except OSError as error:
        if isinstance(error, HTTPError) and error.code not in (401, 403):
            raise unreadable(f"{host}/{repository}:{tag}", error) from None
        return of_client(engine, f"{host}/{repository}:{tag}", error)


def of_client(engine: Engine, tag: str, error: OSError) -> str:
    """The media type that the client reads from a registry, which answered this process with `error`."""
    try:
        return str(json.loads(engine.output("manifest", "inspect", tag)).get("mediaType"))
    except (UserError, ValueError):
        raise unreadable(tag, error) from None


def unreadable(tag: str, error: Exception) -> UserError:
    """The error for a manifest that cannot be read."""
    return UserError(f"the manifest of {tag} cannot be read after its push ({error}), expected a registry that answers")
