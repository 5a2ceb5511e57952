"""The layers that the images add to their bases: size, files, permissions, secrets, library versions."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from importlib.util import source_from_cache
from pathlib import Path

import pytest
from containers.conftest import ROOT
from containers.engine import docker
from containers.saved import Saved, save

from images.catalog import Catalog

NAMES = ("processing", "training", "inference")
MEGABYTE = 1_000_000
CODE = "opt/jobs/"
# Bytecode is a little more than half of it.
MOST_CODE = 2
# Megabytes that the layers of an image add to its base. DuckDB's one shared library, stripped, is 68 of processing's,
# nanotoken 3; onnxruntime, onnx, onnxscript and ml_dtypes are 141 of training's and inference's, uvloop 14 of the
# latter's.
MOST_ADDED = {"processing": 86, "training": 143, "inference": 184}
# Mount points of build steps, of each of which an empty file remains.
MOUNTED = ("install.py", "run/secrets/")
SECRET = "the-password-of-a-private-index"
SECRETIVE = "jobs-hygiene:secretive"


@pytest.fixture(scope="module")
def secretive(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image built without cache as build.sh does, from secrets that contain SECRET."""
    command, environ = build_command("inference")
    folder = tmp_path_factory.mktemp("secrets")
    for at, argument in enumerate(command):
        found = re.fullmatch(r"id=([\w.]+),src=(.+)", argument)
        if found:
            # A comment for pip, and text outside of a certificate.
            (folder / found[1]).write_text(f"{(ROOT / found[2]).read_text()}\n# {SECRET}\n")
            command[at] = f"id={found[1]},src={folder / found[1]}"
    command[-1:] = ["--no-cache", "--tag", SECRETIVE, "."]
    built = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[-4000:]
    return SECRETIVE


def build_command(image: str) -> tuple[list[str], dict[str, str]]:
    """The command with which build.sh builds `image` on the stand-in, without tags, and its environment."""
    told = subprocess.run(
        [ROOT / "build.sh", "--base", "standin", "--dry-run", image], capture_output=True, text=True, check=True
    )
    end = f"--target {image} --file images/Dockerfile ."
    [line] = [line for line in told.stderr.splitlines() if line.endswith(end)]
    words = shlex.split(line.removeprefix("+ "))
    start = next(at for at, word in enumerate(words) if at and "=" not in word)
    return without_tags(words[start:]), os.environ | dict(word.split("=") for word in words[1:start])


def without_tags(command: list[str]) -> list[str]:
    return [word for at, word in enumerate(command) if "--tag" not in (word, command[at - 1])]


@pytest.fixture(scope="module")
def saved(images: dict[str, str], secretive: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Saved]:
    folder = tmp_path_factory.mktemp("saved")
    save(folder, *images.values(), secretive)
    found = {name: Saved.read(folder, image) for name, image in {**images, "secretive": secretive}.items()}
    docker("rmi", secretive)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_an_image_adds_little_to_its_base_and_code_next_to_nothing(saved: dict[str, Saved], name: str) -> None:
    added = sum(len(entry.content) for entry in saved[name].entries)
    code = sum(len(entry.content) for entry in saved[name].entries if entry.name.startswith(CODE))
    assert added <= MOST_ADDED[name] * MEGABYTE
    assert 0 < code <= MOST_CODE * MEGABYTE


def test_build_secrets_are_in_no_layer_and_not_in_the_history(saved: dict[str, Saved]) -> None:
    image = saved["secretive"]
    assert any(entry.name.startswith("opt/venv") for entry in image.entries), "the build installed nothing"
    assert [entry.name for entry in image.entries if SECRET.encode() in entry.content] == []
    assert SECRET not in image.config


def test_the_same_code_gives_the_same_layer(saved: dict[str, Saved]) -> None:
    """In two builds, one of them without cache; the layers of libraries differ."""
    built, again = (json.loads(saved[name].config)["rootfs"]["diff_ids"] for name in ("inference", "secretive"))
    # The record of the build is the last layer, the code the one before it.
    assert built[-2] == again[-2]
    assert built[-3] != again[-3]


@pytest.mark.parametrize("name", NAMES)
def test_files_are_readable_for_all_and_writable_for_root_only(saved: dict[str, Saved], name: str) -> None:
    for entry in saved[name].entries:
        member = entry.member
        if entry.name.startswith("opt/") and not member.issym():
            assert (member.uid, member.gid) == (0, 0), entry.name
            assert member.mode & 0o7022 == 0, f"{entry.name} has mode {member.mode:o}"
            assert member.mode & (0o555 if member.isdir() else 0o444) == (0o555 if member.isdir() else 0o444), (
                entry.name
            )


@pytest.mark.parametrize("name", NAMES)
def test_there_are_no_caches_wheels_or_temporary_files(saved: dict[str, Saved], name: str) -> None:
    """An image adds only libraries in the base's environment, its code with bytecode, and mount points."""
    names = [entry.name for entry in saved[name].entries if not entry.member.isdir()]
    assert [found for found in names if not found.startswith(("opt/venv/", CODE, *MOUNTED))] == []
    assert [found for found in names if found.endswith((".whl", ".pem", "pip.conf"))] == []
    compiled = [found for found in names if found.startswith(CODE) and "__pycache__" in found]
    modules = [found for found in names if found.startswith(CODE) and found.endswith(".py")]
    assert sorted(map(source_from_cache, compiled)) == sorted(modules)


@pytest.mark.parametrize("name", NAMES)
def test_it_holds_every_module_and_template_of_its_packages(saved: dict[str, Saved], name: str) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "contract", name], cwd=ROOT, capture_output=True, text=True, check=True
    )
    files = {f"{CODE}{file}" for file in tracked.stdout.splitlines() if (ROOT / file).is_file()}
    assert {Path(file).suffix for file in files} == {".py", ".jinja"}
    assert files - {entry.name for entry in saved[name].entries} == set()


def pins(file: Path) -> dict[str, str]:
    """The exact versions in `file`, by the normalized name of the distribution."""
    found = re.findall(r"^([\w.-]+)==(\S+)$", file.read_text(), re.MULTILINE)
    return {name.lower().replace("_", "-"): version for name, version in found}


@pytest.mark.parametrize("name", NAMES)
def test_the_libraries_inside_are_those_stated_and_fit_together(images: dict[str, str], name: str) -> None:
    script = "python -m pip check >&2 && python -m pip list --format json --disable-pip-version-check"
    listed = docker("run", "--rm", "--network", "none", "--entrypoint", "sh", images[name], "-c", script)
    inside = {found["name"].lower().replace("_", "-"): found["version"] for found in json.loads(listed)}
    folder, base = ROOT / "images", Catalog.read().field(name, "base")
    files = [folder / name / "requirements.txt", *(folder / "standin").glob(f"*-{base}.txt")]
    stated = {library: version for file in files for library, version in pins(file).items()}
    assert len(stated) > len(files)
    assert {library: inside.get(library, "").partition("+")[0] for library in stated} == stated
