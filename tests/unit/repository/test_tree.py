"""The tree of docs/architecture.md against the files, and what the whole repository promises."""

import re
from pathlib import Path

from tools import tree

ROOT = Path(__file__).parents[3]


def test_the_tree_is_what_the_files_say_of_themselves() -> None:
    found = tree.TREE.search(tree.DOCUMENT.read_text())
    assert found
    assert found[2] == tree.render(), "run: make tree"


def test_every_file_says_what_it_is() -> None:
    silent = [line.path for line in tree.lines() if not line.phrase]
    assert silent == []


def test_every_top_level_entry_is_in_the_tree() -> None:
    named = {line.path for line in tree.lines()}
    entries = {name.split("/")[0] + ("/" if "/" in name else "") for name in tree.tracked()}
    assert entries - named == {".dockerignore", ".gitignore"}


def test_an_image_imports_nothing_of_the_others() -> None:
    rooms = {"processing", "training", "inference"}
    for name in tree.tracked():
        room = name.split("/")[0]
        if room in rooms | {"contract"} and name.endswith(".py"):
            imported = set(re.findall(r"^\s*(?:from|import) (\w+)", (ROOT / name).read_text(), re.MULTILINE))
            assert not imported & (rooms - {room}), name


def test_every_module_of_the_contract_has_its_test() -> None:
    files = set(tree.tracked())
    modules = [name for name in files if re.fullmatch(r"contract/[a-z]\w*\.py", name)]
    assert len(modules) > 8
    for name in modules:
        assert f"tests/unit/contract/test_{Path(name).name}" in files, name
