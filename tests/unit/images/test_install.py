"""Installation in a build, with replacements for pip and uv that record their arguments."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from images import install

LOCK = """# Locked.
aio.http==3.0 ; python_full_version < '3.12' \\
    --hash=sha256:aa
    # via -r requirements.txt
aio.http==3.1 ; python_full_version >= '3.12' \\
    --hash=sha256:bb
    # via -r requirements.txt
idna==2.0 \\
    --hash=sha256:cc \\
    --hash=sha256:dd
"""
RECORDER = """import json, os, pathlib, sys
content = pathlib.Path(sys.argv[-1]).read_text()
told = {"arguments": sys.argv[1:], "conf": os.environ["PIP_CONFIG_FILE"], "content": content}
with open(os.environ["RECORD"], "a") as record:
    print(json.dumps(told), file=record)
sys.exit(os.environ.get("FAILING", "never") in " ".join(sys.argv))
"""


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    script = tmp_path / "recorder.py"
    script.write_text(RECORDER)
    monkeypatch.setenv("RECORD", str(tmp_path / "record"))
    return [sys.executable, str(script)]


def told(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "record").read_text().splitlines()]


@pytest.mark.parametrize(
    ("requirements", "installed", "versions"),
    [
        ("Aio_HTTP==3.0\n", {}, ["3.0", "3.1", "2.0"]),
        ("aio-http==3.0\n", {"idna": "1.0"}, ["3.0", "3.1"]),
        ("aio-http==3.0\n", {"aio-http": "2.9", "idna": "1.0"}, ["3.0", "3.1"]),
        ("aio-http>=2\n", {"aio-http": "2.9"}, ["2.0"]),
        ("aio-http[speed]==3.0\n", {"aio-http": "3.0", "idna": "2.0"}, []),
    ],
)
def test_what_the_base_has_stays_unless_another_version_is_pinned(
    requirements: str, installed: dict[str, str], versions: list[str]
) -> None:
    missing = install.missing(requirements, LOCK, installed)
    assert [text.split("==")[1].split()[0] for _, text in install.entries(missing)] == versions
    assert missing.count("--hash") == sum({"3.0": 1, "3.1": 1, "2.0": 2}[version] for version in versions)


def test_a_locked_file_is_installed_by_hashes_and_then_checked_without_an_index(
    tmp_path: Path, command: list[str]
) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("no-such-library==3.0\n")
    file.with_suffix(".lock").write_text("no-such-library==3.0 \\\n    --hash=sha256:aa\n")
    install.install(command, [file])
    locked, checked = told(tmp_path)
    assert locked["arguments"][:-1] == ["--require-hashes", "--no-deps", "-r"]
    assert locked["content"] == file.with_suffix(".lock").read_text()
    assert locked["conf"] == "/run/secrets/pip.conf"
    base = tmp_path / "constraints.txt"
    assert checked["arguments"] == ["--quiet", "--no-index", "--constraint", str(base), "-r", str(file)]
    assert f"pytest=={metadata.version('pytest')}" in base.read_text().splitlines()
    assert checked["conf"] == "/dev/null"


def test_the_bases_versions_are_constraints_but_for_those_that_are_pinned() -> None:
    text = install.constraints("aio_http==3.1\nidna>=1\n", {"idna": "2.0", "aio-http": "3.0", "torch": "2.9.0+cu130"})
    assert text == "idna==2.0\ntorch==2.9.0+cu130\n"


def test_where_nothing_is_missing_nothing_is_installed(tmp_path: Path, command: list[str]) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("pytest>=1\n")
    file.with_suffix(".lock").write_text("pytest==1.0 \\\n    --hash=sha256:aa\n")
    install.install(command, [file])
    assert [call["arguments"][0] for call in told(tmp_path)] == ["--quiet"]


def test_files_without_a_lock_are_installed_in_one_call(tmp_path: Path, command: list[str]) -> None:
    files = [tmp_path / "libraries.txt", tmp_path / "toolkit.txt"]
    for file in files:
        file.write_text("x==1\n")
    install.install(command, files)
    assert [call["arguments"] for call in told(tmp_path)] == [["-r", str(files[0]), "-r", str(files[1])]]


def test_a_library_that_does_not_fit_ends_the_build(
    tmp_path: Path, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("pytest>=1\n")
    file.with_suffix(".lock").write_text("pytest==1.0 \\\n    --hash=sha256:aa\n")
    monkeypatch.setenv("FAILING", "--no-index")
    with pytest.raises(subprocess.CalledProcessError):
        install.install(command, [file])


def test_uv_gets_the_index_and_the_certificates_that_pip_reads_from_its_file(tmp_path: Path) -> None:
    conf, certificates = tmp_path / "pip.conf", tmp_path / "ca.pem"
    conf.write_text("[global]\nfind-links = /wheels\nindex-url = https://user:p%40ss@index.example/simple\n")
    without = install.sources(conf, certificates)
    assert without["UV_DEFAULT_INDEX"] == "https://user:p%40ss@index.example/simple"
    assert not {"SSL_CERT_FILE", "UV_INDEX"} & set(without)
    certificates.write_text("")
    assert install.sources(conf, certificates)["SSL_CERT_FILE"] == str(certificates)
    assert set(install.sources(tmp_path / "none", certificates)) == {
        "PIP_CONFIG_FILE",
        "UV_FIND_LINKS",
        "SSL_CERT_FILE",
    }


def test_pip_is_used_where_there_is_one_and_uv_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    assert install.installer()[:4] == [sys.executable, "-m", "pip", "install"]
    monkeypatch.setattr(install, "installed_versions", dict)
    assert install.installer() == ["uv", "pip", "install", "--no-cache", "--python", sys.executable]
