"""The tree of the repository: descriptions and names from the files."""

from pathlib import Path

import pytest

from tools import tree


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one package, a folder in it, and a Dockerfile."""
    files = {
        "contract/__init__.py": '"""Shared."""\n',
        "contract/b.py": '"""What b has.\n\nMore."""\nclass B: ...\ndef make(): ...\ndef _own(): ...\n',
        "contract/inner/__init__.py": '"""Inner parts."""\n',
        "contract/inner/a.py": '"""What a has."""\n',
        "contract/inner/page.html.jinja": "{# What the page has. #}\n<p>{# Why. #}</p>\n",
        "images/Dockerfile": "#!/bin/sh\n# Built from a base\n# by digest. Second sentence.\nFROM x\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(tree, "ROOT", tmp_path)
    monkeypatch.setattr(tree, "tracked", lambda: sorted(files))
    return tmp_path


def test_folders_are_nested_and_come_after_files(root: Path) -> None:
    found = [(line.label, line.description) for line in tree.lines()]
    assert found == [
        ("contract/", "Shared."),
        ("  b.py", "What b has."),
        ("  inner/", "Inner parts."),
        ("    a.py", "What a has."),
        ("    page.html.jinja", "What the page has."),
        ("images/", ""),
        ("  Dockerfile", "Built from a base by digest."),
    ]


def test_public_classes_and_functions_are_named(root: Path) -> None:
    assert tree.names("contract/b.py") == ("B", "make")
    assert "· B, make\n" in tree.render()
