"""The README's tree against the files, and what the whole repository promises."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if (ROOT / name).exists()]


def readme_tree() -> dict[str, str]:
    """The annotated tree in README.md: path to phrase."""
    block = re.search(r"## The tree\n+```\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block
    tree: dict[str, str] = {}
    folder = ""
    for line in block[1].splitlines():
        name, _, phrase = line.strip().partition("  ")
        if line.startswith(" "):
            tree[folder + name] = phrase.strip()
        else:
            folder = name if name.endswith("/") else ""
            tree[name] = phrase.strip()
    return tree


def test_the_readmes_tree_has_every_room_and_every_module_and_a_phrase_for_each() -> None:
    tree = readme_tree()
    assert all(tree.values())
    rooms = {name.split("/")[0] + ("/" if "/" in name else "") for name in tracked() if not name.startswith(".git")}
    assert rooms - {".ci/", ".dockerignore"} <= set(tree)
    modules = {
        name
        for name in tracked()
        if re.fullmatch(r"(contract|processing|training|inference)/[a-z0-9_]+\.py", name) and "__" not in name
    }
    assert modules <= set(tree), sorted(modules - set(tree))
    missing = [name for name in tree if not (ROOT / name).exists()]
    assert missing == []


def test_an_image_imports_nothing_of_the_others() -> None:
    rooms = {"processing", "training", "inference"}
    for name in tracked():
        room = name.split("/")[0]
        if room in rooms | {"contract"} and name.endswith(".py"):
            imported = set(re.findall(r"^\s*(?:from|import) (\w+)", (ROOT / name).read_text(), re.MULTILINE))
            assert not imported & (rooms - {room}), name


def test_every_module_of_the_rooms_has_its_test() -> None:
    files = set(tracked())
    for name in files:
        if re.fullmatch(r"contract/[a-z]\w*\.py", name):
            folder, module = name.split("/")
            assert f"tests/unit/{folder}/test_{module}" in files, name
