"""--help and --version of each image."""

from __future__ import annotations

import json

import pytest
from containers.engine import docker

pytestmark = pytest.mark.both_bases

NAMES = ("processing", "training", "inference")
LABEL = "org.opencontainers.image."


@pytest.mark.parametrize(
    ("name", "option"),
    [("processing", "--label-threshold"), ("training", "processes_per_host"), ("inference", "SERVING_BATCH_SIZE")],
)
def test_help_names_the_options(images: dict[str, str], name: str, option: str) -> None:
    assert option in docker("run", "--rm", "--network", "none", images[name], "--help")


@pytest.mark.parametrize("name", NAMES)
def test_the_version_is_that_of_the_labels_and_names_base_and_libraries(images: dict[str, str], name: str) -> None:
    told = json.loads(docker("run", "--rm", "--network", "none", images[name], "--version"))
    [inspected] = json.loads(docker("image", "inspect", images[name]))
    labels = inspected["Config"]["Labels"]
    assert told.pop("libraries")["transformers"]
    assert told == {
        "image": name,
        "version": labels[LABEL + "version"],
        "revision": labels[LABEL + "revision"],
        "base": labels[LABEL + "base.name"],
        "base_digest": labels[LABEL + "base.digest"],
    }
    assert told["base_digest"].startswith("sha256:")
