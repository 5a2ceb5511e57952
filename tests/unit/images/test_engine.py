"""The Docker client, by scripts in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.failures import UserError
from images import engine
from images.engine import Engine

CLASSIC = '#!/bin/sh\ncase "$1" in buildx) exit 1;; build) echo "--secret";; esac\n'
BUILDX = "#!/bin/sh\necho github.com/docker/buildx v0.29.1 e4c1e0b\n"
PODMAN = '#!/bin/sh\ncase "$1" in buildx) echo buildah 1.42.0;; build) echo "--secret";; esac\n'
NONE = '#!/bin/sh\ncase "$1" in buildx) exit 1;; build) echo "use buildx: --secret"; esac\n'


@pytest.fixture
def client(tmp_path: Path) -> str:
    return program(tmp_path / "docker", '#!/bin/sh\necho "$BUILDAH_FORMAT" "$@"; echo why >&2; exit "${STATUS:-0}"\n')


def program(path: Path, text: str) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def test_the_first_client_that_builds_with_buildkit_is_taken(tmp_path: Path) -> None:
    folders = {"a": NONE, "b": CLASSIC, "c": BUILDX}
    clients = {name: program(tmp_path / name / "docker", text) for name, text in folders.items()}
    path = ":".join(str(Path(client).parent) for client in clients.values())
    assert engine.choose({"PATH": path}, True).client == clients["b"]
    named = engine.choose({"PATH": path, "DOCKER": clients["c"]}, True)
    assert (named.client, named.builder) == (clients["c"], engine.BUILDX)
    podman = engine.choose({"DOCKER": program(tmp_path / "d" / "podman", PODMAN)}, True)
    assert (podman.builder, podman.environ) == (("build",), engine.BUILDKIT | engine.FORMAT)
    with pytest.raises(UserError, match="no Docker client on PATH builds with BuildKit"):
        engine.choose({"PATH": str(Path(clients["a"]).parent)}, True)
    with pytest.raises(UserError, match="DOCKER is 'sudo docker', which does not build with BuildKit"):
        engine.choose({"DOCKER": "sudo docker"}, True)


def test_images_of_the_engine_alone_are_built_on_by_its_own_builder(tmp_path: Path) -> None:
    client = program(tmp_path / "docker", "#!/bin/sh\necho desktop-linux\n")
    buildx = Engine(client, engine.BUILDX)
    assert buildx.beside_images({}).builder == (*engine.BUILDX, "--builder", "desktop-linux")
    assert buildx.beside_images({"BUILDX_BUILDER": "mine"}) == buildx
    assert Engine(str(tmp_path / "missing"), engine.BUILDX).beside_images({}).builder[-1] == "default"
    assert Engine(client, ("build",)).beside_images({}).builder == ("build",)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ('{"credHelpers": {"a.example": "ecr-login"}}', True),
        ('{"credsStore": "ecr-login"}', True),
        ('{"credsStore": "ecr-login", "credHelpers": {"a.example": "desktop"}}', False),
        ('{"credsStore": "desktop", "credHelpers": {"b.example": "ecr-login"}}', False),
        ("{", False),
        ("[]", False),
        (None, False),
    ],
)
def test_amazons_credential_helper_logs_in_itself(tmp_path: Path, config: str | None, expected: bool) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    assert Engine("docker").logs_in_itself("a.example", {"DOCKER_CONFIG": str(tmp_path)}) is expected


def test_a_build_prints_its_variables_and_has_them(client: str, capfd: pytest.CaptureFixture[str]) -> None:
    Engine(client, ("build",), engine.FORMAT).build("a b")
    printed, *ran = capfd.readouterr().err.splitlines()
    assert printed == f"+ env BUILDX_NO_DEFAULT_ATTESTATIONS=1 BUILDAH_FORMAT=docker {client} build 'a b'"
    assert ran[0] == "docker build a b"


def test_a_failed_command_is_an_error(client: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATUS", "7")
    with pytest.raises(UserError, match="docker push ended with exit status 7"):
        Engine(client).run("push", "x")
    with pytest.raises(UserError, match=r"docker info failed: why$"):
        Engine(client).output("info")
    with pytest.raises(UserError, match="the Docker engine cannot be reached"):
        Engine(client).check()
    Engine(client, dry_run=True).check()
    Engine(client, dry_run=True).run("push", "x")
    assert not Engine(client).has("x")
