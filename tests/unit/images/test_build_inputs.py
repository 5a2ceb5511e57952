"""What a build gets besides the repository."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from images import build_inputs


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_indexes_are_secrets_that_only_this_user_reads(tmp_path: Path) -> None:
    certificates = tmp_path / "ca.pem"
    certificates.touch()
    environ = {"PIP_INDEX_URL": "https://user:secret@index.example/simple", "PIP_CERT": str(certificates)}
    options = build_inputs.prepare(environ | {"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": ""})
    conf = Path(".build/pip.conf")
    assert conf.read_text() == (
        "[global]\nfind-links = /wheels\nindex-url = https://user:secret@index.example/simple\n"
        "cert = /run/secrets/ca.pem\n"
    )
    assert stat.S_IMODE(conf.stat().st_mode) == 0o600
    secrets = ["--secret", f"id=pip.conf,src={conf}", "--secret", f"id=ca.pem,src={certificates}"]
    assert options == [*secrets, "--build-arg", "HTTPS_PROXY"]


def test_a_wheel_is_copied_once_and_again_if_it_is_newer(tmp_path: Path) -> None:
    source, copied = tmp_path / "mine", Path(".build/wheels/a.whl")
    source.mkdir()
    (source / "a.whl").write_text("1")
    os.utime(source / "a.whl", (100, 100))
    for text, time in (("1", 100), ("2", 100), ("3", 200)):
        (source / "a.whl").write_text(text)
        os.utime(source / "a.whl", (time, time))
        build_inputs.prepare({"PIP_FIND_LINKS": f"{source} https://index.example/"})
    assert copied.read_text() == "3"
    os.utime(source / "a.whl", (150, 150))
    (source / "a.whl").write_text("4")
    os.utime(source / "a.whl", (150, 150))
    build_inputs.copy_wheels(source)
    assert copied.read_text() == "3"


def test_the_record_is_what_the_image_prints() -> None:
    build_inputs.record("training", {"version": "1.0.0"})
    record = Path(".build/training.json")
    assert json.loads(record.read_text()) == {"image": "training", "version": "1.0.0"}
    assert stat.S_IMODE(record.stat().st_mode) == 0o644
