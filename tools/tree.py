"""The README's tree, from what the files say of themselves.

    python -m tools.tree    writes it into README.md, between the fences below "## The tree"

A phrase is the first line of a module's docstring, or the first comment of another file.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "README.md"
ROOMS = (
    "contract",
    "processing",
    "training",
    "inference",
    "images",
    "examples",
    "benchmarks",
    "robustness",
    "tools",
)
INDENT = "  "
TREE = re.compile(r"(## The tree\n+```\n)(.*?)(```\n)", re.DOTALL)
# What cannot speak for itself.
PHRASES = {
    ".ci/": "run: what continuous integration calls",
    ".github/": "workflows: ci on every push, release on a tag, by a role and without secrets",
    "tests/": "unit/ mirrors the modules, integration/ runs the entry points, containers/ the images",
    "docs/": "the contract with whoever launches the images; figures of the benchmarks, with machine and date",
    "build.sh": "builds, tags and pushes the images",
    "Makefile": "every command that people call; `make help` lists them",
    "pyproject.toml": "settings of the style checker, the type checker, the import checker and the tests",
    "README.md": "this page",
    "LICENSE": "Apache-2.0",
}


def tracked() -> list[str]:
    """Files of the working tree that git knows, or would take."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return sorted(name for name in set(listed.stdout.splitlines()) if (ROOT / name).is_file())


def phrase(name: str) -> str:
    """What the file `name` says of itself in its first line; empty if nothing."""
    if name in PHRASES:
        return PHRASES[name]
    text = (ROOT / name).read_text(encoding="utf-8")
    if name.endswith(".py"):
        return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    comment = next((line for line in text.splitlines() if line.startswith("# ")), "")
    return comment.removeprefix("# ")


def folder(name: str, names: list[str], depth: int = 0) -> Iterator[tuple[str, str]]:
    """The lines of the folder `name`: itself, its files, then its packages in the same way.

    A folder without an __init__.py has no phrase: its files are named with it.
    """
    yield f"{INDENT * depth}{name.rpartition('/')[2]}/", phrase(f"{name}/__init__.py")
    packages = [other.removesuffix("/__init__.py") for other in names if other.endswith("/__init__.py")]
    inner = [package for package in packages if package.rpartition("/")[0] == name]
    deeper = tuple(f"{package}/" for package in packages if package.startswith(f"{name}/"))
    for file in names:
        if file.startswith(f"{name}/") and not file.startswith(deeper) and file != f"{name}/__init__.py":
            yield f"{INDENT * (depth + 1)}{file.removeprefix(f'{name}/')}", phrase(file)
    for package in inner:
        yield from folder(package, names, depth + 1)


def lines() -> list[tuple[str, str]]:
    """Every line of the tree: an indented name, and its phrase."""
    names = tracked()
    tree = [line for room in ROOMS for line in folder(room, names)]
    others = {name.split("/")[0] + ("/" if "/" in name else "") for name in names} - {f"{room}/" for room in ROOMS}
    return tree + [(name, PHRASES[name]) for name in PHRASES if name in others]


def render() -> str:
    width = max(len(name) for name, _ in lines())
    return "".join(f"{name:<{width}}  {words}\n" for name, words in lines())


def main() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(TREE.sub(lambda found: found[1] + render() + found[3], text), encoding="utf-8")


if __name__ == "__main__":
    main()
