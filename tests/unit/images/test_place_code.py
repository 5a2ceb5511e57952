"""Code that is placed in an image has fixed owner, modes and times."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from images import place_code


def described(root: Path) -> dict[str, tuple[int, float, bytes]]:
    paths = [root, *root.rglob("*")]
    return {
        str(path.relative_to(root)): (
            stat.S_IMODE(path.stat().st_mode),
            path.stat().st_mtime,
            b"" if path.is_dir() else path.read_bytes(),
        )
        for path in paths
    }


def test_two_clones_of_the_same_code_give_the_same_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owners: set[tuple[int, ...]] = set()
    monkeypatch.setattr(os, "chown", lambda _, *owner: owners.add(owner))
    found = []
    for clone, mode, time in (("a", 0o600, 1), ("b", 0o775, 2)):
        package = tmp_path / clone / "contract"
        (package / "inner" / "__pycache__").mkdir(parents=True)
        (package / "inner" / "__pycache__" / "x.pyc").write_text(clone)
        (package / "inner" / "module.py").write_text("1")
        (package / "inner" / "module.py").chmod(mode)
        os.utime(package / "inner" / "module.py", (time, time))
        root = tmp_path / f"root-{clone}"
        place_code.place(root, Path("opt/jobs"), [package])
        found.append(described(root))
    assert found[0] == found[1]
    assert owners == {(0, 0)}
    assert found[0]["opt/jobs/contract/inner/module.py"] == (0o644, place_code.TIME, b"1")
    assert set(found[0]) == {
        *(".", "opt", "opt/jobs", "opt/jobs/contract"),
        *("opt/jobs/contract/inner", "opt/jobs/contract/inner/module.py"),
    }
    assert {(mode, time) for mode, time, content in found[0].values() if not content} == {(0o755, place_code.TIME)}
