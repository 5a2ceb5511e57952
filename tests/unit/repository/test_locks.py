"""The lock files match their requirements files, and every installation uses one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from images.install import entries
from tools.lock import LOCKS, UNLOCKED, Lock

ROOT = Path(__file__).parents[3]
FILES = [lock.file for lock in LOCKS]


def locked(lock: Lock) -> dict[str, list[Version]]:
    """The versions of each library in the lock; several if they differ by Python version."""
    found: dict[str, list[Version]] = {}
    for name, text in entries((ROOT / lock.file).read_text()):
        found.setdefault(name, []).append(Version(text.split("==")[1].split()[0]))
    return found


def stated(lock: Lock) -> list[Requirement]:
    lines = [line for source in lock.sources for line in (ROOT / source).read_text().splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("lock", LOCKS, ids=FILES)
def test_a_lock_has_what_its_requirements_files_state_in_that_version(lock: Lock) -> None:
    versions, requirements = locked(lock), stated(lock)
    assert requirements
    for requirement in requirements:
        name = canonicalize_name(requirement.name)
        if name not in UNLOCKED:
            assert versions.get(name), f"{lock.file} lacks {requirement}; run: make lock"
            assert all(requirement.specifier.contains(version) for version in versions[name]), (
                f"{requirement}: make lock"
            )
        else:
            assert name not in versions


@pytest.mark.parametrize("lock", LOCKS, ids=FILES)
def test_every_entry_of_a_lock_has_a_version_and_a_hash(lock: Lock) -> None:
    text = (ROOT / lock.file).read_text()
    found = list(entries(text))
    assert len(found) == len(re.findall(r"^[^#\s]", text, re.MULTILINE))
    assert [name for name, entry in found if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry)] == []


@pytest.mark.parametrize("lock", [lock for lock in LOCKS if lock.within], ids=lambda lock: lock.file)
def test_what_is_installed_elsewhere_is_what_the_tests_ran_on(lock: Lock) -> None:
    tested = locked(LOCKS[0])
    assert {name: versions for name, versions in locked(lock).items() if versions != tested[name]} == {}


@pytest.mark.parametrize("lock", LOCKS, ids=FILES)
def test_a_lock_says_where_it_comes_from_and_names_no_index(lock: Lock) -> None:
    text = (ROOT / lock.file).read_text()
    assert text.startswith(lock.header())
    assert not re.search(r"://|--index|--find-links", text)


def test_every_requirements_file_is_locked() -> None:
    files = {str(file.relative_to(ROOT)) for folder in ("images", "tests", "docs") for file in locate(folder)}
    # The stand-ins alone have these: their transformers are those of the containers, beside no others.
    files -= {"images/standin/libraries-inference.txt", "images/standin/libraries-training-next.txt"}
    files -= {"images/standin/versions-inference.txt", "images/standin/versions-training.txt"}
    assert files == {source for lock in LOCKS for source in lock.sources}


def locate(folder: str) -> list[Path]:
    return [*(ROOT / folder).rglob("requirements*.txt"), *(ROOT / folder).glob("standin/*.txt")]


def test_environments_and_releases_install_by_lock() -> None:
    makefile = (ROOT / "Makefile").read_text()
    release = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    setup = (ROOT / "examples" / "demo" / "setup.sh").read_text()
    assert "--require-hashes --no-deps -r images/requirements.lock" in release
    assert '--require-hashes --no-deps -r "$lock"' in setup
    for file in ("tests/requirements.lock", "tests/requirements-sdk3.lock", "docs/requirements.lock"):
        rule = re.search(rf"^\S+:.* {re.escape(file)}\n((?:\t.*\n)+)", makefile, re.MULTILINE)
        assert rule and "$(INSTALL)" in rule[1], file
    installing = re.findall(r"^.*-m pip install.*$", makefile, re.MULTILINE)
    assert len(installing) == 1 and "--require-hashes" in installing[0]
