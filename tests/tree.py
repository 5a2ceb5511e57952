"""The README's tree, from what the files say of themselves.

    python tests/tree.py    writes it into README.md, between the fences below "## The tree"

A phrase is the first line of a module's docstring, or the first comment of another file.
"""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("contract", "processing", "training", "inference", "images", "examples", "benchmarks", "robustness")
TREE = re.compile(r"(## The tree\n+```\n)(.*?)(```\n)", re.DOTALL)
# What cannot speak for itself.
PHRASES = {
    ".ci/": "run: what continuous integration calls",
    ".github/": "workflows: ci on every push, release on a tag, by a role and without secrets",
    "tests/": "unit/ mirrors the modules, integration/ runs the entry points, containers/ the images",
    "docs/": "the contract with whoever launches the images; figures of the benchmarks, with machine and date",
    "build.sh": "builds, tags and pushes the images",
    "Makefile": "every command that people call; `make help` lists them",
    "pyproject.toml": "settings of the style checker, the type checker and the tests",
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


def lines() -> list[tuple[str, str]]:
    """Every line of the tree: an indented name, and its phrase."""
    names = tracked()
    tree: list[tuple[str, str]] = []
    for room in ROOMS:
        tree.append((f"{room}/", phrase(f"{room}/__init__.py")))
        inside = [name for name in names if name.startswith(f"{room}/") and not name.endswith("__init__.py")]
        tree += [("  " + name.removeprefix(f"{room}/"), phrase(name)) for name in inside]
    others = {name.split("/")[0] + ("/" if "/" in name else "") for name in names} - {f"{room}/" for room in ROOMS}
    return tree + [(name, PHRASES[name]) for name in PHRASES if name in others]


def render() -> str:
    width = max(len(name) for name, _ in lines())
    return "".join(f"{name:<{width}}  {words}\n" for name, words in lines())


def main() -> None:
    readme = ROOT / "README.md"
    readme.write_text(TREE.sub(lambda found: found[1] + render() + found[3], readme.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
