"""Media types of pushed images, from a registry that answers as configured."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import boto3
import pytest

from contract.failures import UserError
from images import manifests
from images.engine import Engine

INDEX = "application/vnd.oci.image.index.v1+json"
HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


class Registry(BaseHTTPRequestHandler):
    """Answers /v2/NAME/manifests/TAG: NAME is a status, or the media type with `_` in place of `/`."""

    def do_GET(self) -> None:
        name = self.path.split("/")[2]
        self.send_response(int(name) if name.isdigit() else 200)
        self.send_header("Content-Type", name.replace("_", "/"))
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Registry) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_docker_manifest_is_taken_and_an_index_refused_with_the_remedy(registry: str) -> None:
    manifests.check(Engine("docker"), f"{registry}/{manifests.ACCEPTED.replace('/', '_')}:1")
    with pytest.raises(
        UserError, match=r"as application/vnd.oci.image.index.v1\+json, which SageMaker refuses; expect"
    ):
        manifests.check(Engine("docker"), f"{registry}/{INDEX.replace('/', '_')}:1")


def test_a_registry_with_a_login_is_asked_by_the_client(registry: str, tmp_path: Path) -> None:
    client = tmp_path / "docker"
    client.write_text(f'#!/bin/sh\necho \'{{"mediaType": "{INDEX}"}}\'\n')
    client.chmod(0o755)
    assert manifests.media_type(Engine(str(client)), f"{registry}/401:1") == INDEX
    # A certificate that the client has, and this process has not, fails the connection.
    assert manifests.media_type(Engine(str(client)), "127.0.0.1:9/x:1") == INDEX
    for host in (registry, "127.0.0.1:9"):
        with pytest.raises(UserError, match="cannot be read after its push"):
            manifests.media_type(Engine("false"), f"{host}/500:1")


def test_a_proxy_is_not_asked_for_a_registry_on_this_machine(registry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    tag = f"{registry}/{INDEX.replace('/', '_')}:1"
    assert manifests.media_type(Engine("false"), tag) == INDEX


def test_ecr_is_asked_by_its_own_interface(aws_account: None) -> None:
    ecr = boto3.client("ecr", region_name="eu-west-1")
    ecr.create_repository(repositoryName="images")
    config = {"digest": "sha256:" + "a" * 64, "size": 1, "mediaType": "x"}
    manifest = {"schemaVersion": 2, "mediaType": manifests.ACCEPTED, "config": config, "layers": []}
    ecr.put_image(repositoryName="images", imageManifest=json.dumps(manifest), imageTag="1.0.0")
    assert manifests.media_type(Engine("docker"), f"{HOST}/images:1.0.0") == manifests.ACCEPTED
    with pytest.raises(UserError, match="has no tag 2.0.0, expected the one that was pushed"):
        manifests.media_type(Engine("docker"), f"{HOST}/images:2.0.0")
