"""digests.toml, from a client in place of ECR's."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from contract.failures import UserError
from images import aws, digests
from images.catalog import DIGESTS_FILE, Catalog

DIGEST = "sha256:" + "a" * 64


class Ecr:
    """Knows one digest for every repository."""

    def batch_get_image(self, registryId: str, repositoryName: str, imageIds: list[dict[str, str]]) -> Any:  # noqa: N803
        known = repositoryName.startswith("huggingface-pytorch-") and registryId == "763104351884"
        return {"images": [{"imageId": {**imageIds[0], "imageDigest": DIGEST}}] if known else []}


def test_the_file_gets_a_digest_for_every_released_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws, "client", lambda *_: Ecr())
    path = tmp_path / "digests.toml"
    path.write_text(DIGESTS_FILE.read_text())
    assert digests.main(["--region", "eu-west-1"], path) == 0
    assert path.read_text().startswith(DIGESTS_FILE.read_text().partition("[digests]")[0])
    assert tomllib.loads(path.read_text())["digests"] == dict.fromkeys(Catalog.read().released(), DIGEST)
    before = path.read_text()
    assert digests.main([], path) == 0
    assert path.read_text() == before


def test_a_base_that_is_not_released_is_named() -> None:
    with pytest.raises(UserError, match="base other:1 is not in the registry of account 763104351884"):
        digests.resolve(Ecr(), "763104351884", ["other:1"])
