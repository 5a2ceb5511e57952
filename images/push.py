"""Tests the built images, pushes them to ECR or another registry, and checks that SageMaker takes what it holds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from contract.failures import UserError
from images import ecr, manifests, release
from images.engine import note
from images.policies import Pullers

if TYPE_CHECKING:
    from images.build import Build
    from images.options import BuildOptions


def pull(build: Build) -> None:
    """Pull the base images, so that labels have the digests of those that are used.

    Raises:
        AwsError, UserError: the registry refuses it.
    """
    bases = build.bases()
    log_in(build, bases[0].partition("/")[0])
    for base in bases:
        build.engine.run("pull", "--platform", build.options.platform, base)


def check_request(options: BuildOptions) -> None:
    """Check, before the build, that images.json can be written after the push.

    Raises:
        UserError: it cannot.
    """
    release.check_writable(options.images_json)


def push(build: Build) -> None:
    """Test every image, then push all of them, and write images.json.

    Raises:
        AwsError, UserError: a test failed, the registry refuses an image, or holds one that SageMaker would refuse.
    """
    options = build.options
    for image in options.images:
        check(build, image)
    log_in(build, registry(build))
    for image in options.images:
        if is_ecr(build):
            prepare_repository(build, image)
        push_image(build, image)
    tags = [build.tags(image)[0] for image in options.images]
    if options.dry_run:
        note(f"dry run: {options.images_json} is not written")
        return
    images = release.write(build.engine, options.images_json, tags)
    if options.publish_parameters:
        release.publish_all(images, options.publish_parameters, options.region)
    note(f"{options.images_json} has the URIs by digest")


def check(build: Build, image: str) -> None:
    """Run the image with --version and selftest. Pushed tags are immutable: what cannot run stops here.

    Raises:
        UserError: one of them failed.
    """
    tag = build.tags(image)[0]
    for argument in ["--version", *["selftest"] * (not build.options.skip_selftest)]:
        try:
            build.engine.run("run", "--rm", "--network", "none", tag, argument)
        except UserError:
            raise UserError(
                f"{tag} fails with {argument}, see its output above; nothing was pushed"
                + (" (--skip-selftest pushes without it)" if argument == "selftest" else "")
            ) from None


def registry(build: Build) -> str:
    """Host of the registry to push to."""
    return (build.options.registry or "").partition("/")[0]


def is_ecr(build: Build) -> bool:
    """Whether the registry to push to is in ECR."""
    return ".dkr.ecr" in registry(build)


def log_in(build: Build, host: str) -> None:
    """Log in to an ECR registry; to another the caller has logged in.

    Raises:
        AwsError, UserError: AWS or the client refuses it.
    """
    if ".dkr.ecr" not in host:
        return
    if build.engine.logs_in_itself(host, os.environ):
        note(f"docker-credential-ecr-login logs in to {host}")
        return
    note(f"logging in to {host}")
    password = b"" if build.options.dry_run else ecr.password(host).encode()
    build.engine.run("login", "--username", "AWS", "--password-stdin", host, stdin=password)


def prepare_repository(build: Build, image: str) -> None:
    """Create the ECR repository of an image, or set what it lacks.

    Raises:
        AwsError: AWS refuses it.
    """
    options, name = build.options, build.catalog.field(image, "repository")
    if options.dry_run:
        note(f"dry run: repository {registry(build)}/{name} would be prepared")
        return
    pullers = Pullers(options.pull_accounts, options.pull_organization)
    changes = ecr.prepare(registry(build), name, pullers, options.kms_key, options.reconcile)
    note(f"{registry(build)}/{name}: {', '.join(changes) or 'unchanged'}")


def push_image(build: Build, image: str) -> None:
    """Push the tags that the registry lacks: pushing an immutable tag again is an error.

    The tag with the revision is pushed and checked first: an interrupted push can be distinguished from another
    revision, and the tag of the version stays free where the registry holds something that SageMaker refuses.

    Raises:
        AwsError, UserError: the version is in the registry from another revision, or the registry refuses a tag.
    """
    version, with_revision, *moving = build.tags(image)
    present = present_tags(build, image)
    if version in present and with_revision not in present:
        raise UserError(f"{version} is in the registry, from another revision; expected another --version")
    if present and not build.is_reproducible:
        raise UserError(f"{with_revision} is in the registry, maybe from other changes; expected another --version")
    if present:
        note(f"{with_revision} is in the registry already")
        build.engine.run("pull", with_revision)
        for tag in (version, *moving):
            build.engine.run("tag", with_revision, tag)
    else:
        build.engine.run("push", with_revision)
    if not build.options.dry_run:
        manifests.check(build.engine, with_revision)
    for tag in (version, *moving):
        if tag not in present:
            build.engine.run("push", tag)


def present_tags(build: Build, image: str) -> list[str]:
    """The immutable tags of an image that its ECR repository has; none in a dry run, and for other registries.

    Raises:
        AwsError: AWS refuses the request.
    """
    if build.options.dry_run or not is_ecr(build):
        return []
    tags = {tag.rpartition(":")[2]: tag for tag in build.tags(image)[:2]}
    found = ecr.present(registry(build), build.catalog.field(image, "repository"), list(tags))
    return [tags[tag] for tag in found]
