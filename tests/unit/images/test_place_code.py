"""Code that is placed in an image has fixed owner, modes and times."""

from __future__ import annotations

import importlib.util
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


def cached(module: str) -> str:
    return importlib.util.cache_from_source(module)


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
        *("opt/jobs/contract/inner/__pycache__", cached("opt/jobs/contract/inner/module.py")),
    }
    assert {(mode, time) for mode, time, content in found[0].values() if not content} == {(0o755, place_code.TIME)}


def test_bytecode_has_the_paths_of_the_image_and_is_used_only_for_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "chown", lambda *_: None)
    package = tmp_path / "contract"
    package.mkdir()
    (package / "module.py").write_text("VALUE = 'built'")
    place_code.place(tmp_path / "root", Path("opt/jobs"), [package])
    placed = tmp_path / "root/opt/jobs/contract/module.py"
    bytecode = Path(cached(str(placed))).read_bytes()
    # PEP 552: flags 0b11, and the hash of the source in place of its time and size.
    assert int.from_bytes(bytecode[4:8], "little") == 0b11
    assert bytecode[8:16] == importlib.util.source_hash(placed.read_bytes())
    assert b"/opt/jobs/contract/module.py" in bytecode
    assert str(tmp_path).encode() not in bytecode


def test_a_module_with_an_error_of_syntax_ends_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "chown", lambda *_: None)
    (tmp_path / "contract").mkdir()
    (tmp_path / "contract" / "module.py").write_text("def")
    with pytest.raises(SyntaxError, match="cannot be compiled"):
        place_code.place(tmp_path / "root", Path("opt/jobs"), [tmp_path / "contract"])
    assert "module.py" in capsys.readouterr().out
