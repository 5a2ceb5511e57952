"""Generates the annotated tree of docs/architecture.md, from each file's first line and public names.

    python -m tools.tree    writes the tree between the markers `<!-- tree -->` and `<!-- end -->`

The description of a file is the first line of its docstring, or the first sentence of the comment at its top.
"""

from __future__ import annotations

import ast
import re
import subprocess
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "architecture.md"
PACKAGES = (
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
TREE = re.compile(r"(<!-- tree -->\n+```text\n)(.*?)(```\n+<!-- end -->)", re.DOTALL)
WIDTH = 150  # characters of a line of names
# Descriptions of files and folders that have no docstring or comment.
DESCRIPTIONS = {
    "images/processing/": "The processing image.",
    "images/training/": "The training image.",
    "images/inference/": "The inference image.",
    "images/standin/": "The CPU stand-in for the base images, for machines that cannot pull them.",
    "tests/": "Tests: unit/ mirrors the modules, integration/ runs the entry points, containers/ runs the images.",
    "docs/": "This site: guides, contract, decisions, benchmarks; IAM policies and pictures.",
    ".ci/": "run: the script that continuous integration runs.",
    ".github/": "Workflows (tests, release, this site), issue templates, updates of dependencies.",
    "build.sh": "Builds, tags and pushes the images: the entry of images/build.py.",
    "Makefile": "Every command of developers; `make help` lists them.",
    "mkdocs.yml": "Settings and navigation of this site.",
    "pyproject.toml": "Settings of the package, ruff, mypy and pytest.",
    ".pre-commit-config.yaml": "Checks before each commit.",
    ".gitattributes": "Line ends of every clone.",
    ".editorconfig": "Indentation and line length for editors.",
    "README.md": "The front page of the repository.",
    "CONTRIBUTING.md": "Set-up, tests and rules for contributors.",
    "CHANGELOG.md": "What changed in each version.",
    "SECURITY.md": "How to report a vulnerability, and the images' measures against known risks.",
    "LICENSE": "Apache-2.0.",
}


@dataclass(frozen=True)
class Line:
    """One entry of the tree: path (with a slash at the end for a folder), description, and public names."""

    path: str
    description: str
    names: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The last part of the path, indented by the depth."""
        parts = self.path.rstrip("/").split("/")
        return "  " * (len(parts) - 1) + parts[-1] + ("/" if self.path.endswith("/") else "")


def tracked() -> list[str]:
    """Files of the working tree that git does not ignore."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return sorted(name for name in set(listed.stdout.splitlines()) if (ROOT / name).is_file())


def description(name: str) -> str:
    """The description of the file or folder `name`; empty if it has none."""
    if name in DESCRIPTIONS:
        return DESCRIPTIONS[name]
    if name.endswith("/"):
        package = ROOT / name / "__init__.py"
        return description(f"{name}__init__.py") if package.is_file() else ""
    text = (ROOT / name).read_text(encoding="utf-8")
    if name.endswith(".py"):
        return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    return template_comment(text) if name.endswith(".jinja") else comment(text)


def comment(text: str) -> str:
    """The first sentence of the first block of `# ` comments in `text`."""
    lines = [line for line in text.splitlines() if not line.startswith("#!")]
    begin = next((number for number, line in enumerate(lines) if line.startswith("# ")), len(lines))
    end = next((number for number in range(begin, len(lines)) if not lines[number].startswith("# ")), len(lines))
    block = " ".join(line.removeprefix("# ") for line in lines[begin:end])
    sentence, dot, _ = block.partition(". ")
    return sentence + dot.strip()


def template_comment(text: str) -> str:
    """The comment at the top of the jinja2 template `text`."""
    found = re.match(r"\{#\s*(.*?)\s*#\}", text, re.DOTALL)
    return found[1] if found else ""


def names(name: str) -> tuple[str, ...]:
    """Public classes and functions that the module `name` defines, in the order of the file."""
    if not name.endswith(".py"):
        return ()
    body = ast.parse((ROOT / name).read_text(encoding="utf-8")).body
    defined = [node.name for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)]
    return tuple(one for one in defined if not one.startswith("_"))


def folder_lines(folder: str, files: list[str]) -> Iterator[Line]:
    """The lines of `folder` (with a slash at the end) and of everything below it, files before folders."""
    yield Line(folder, description(folder))
    below = [file for file in files if file.startswith(folder) and not file.endswith("__init__.py")]
    for file in below:
        if "/" not in file.removeprefix(folder):
            yield Line(file, description(file), names(file))
    for inner in sorted(
        {file.removeprefix(folder).split("/")[0] for file in below if file.count("/") > folder.count("/")}
    ):
        yield from folder_lines(f"{folder}{inner}/", files)


def lines() -> list[Line]:
    """All lines of the tree: the packages with their files, then the other files and folders of the root."""
    files = tracked()
    packages = [package for package in PACKAGES if any(file.startswith(f"{package}/") for file in files)]
    tree = [line for package in packages for line in folder_lines(f"{package}/", files)]
    roots = {file.split("/")[0] + ("/" if "/" in file else "") for file in files}
    others = roots - {f"{package}/" for package in packages}
    return tree + [Line(name, text) for name, text in DESCRIPTIONS.items() if name in others]


def render() -> str:
    """The tree as text: one line per entry, and below it its public names."""
    entries = lines()
    width = max(len(line.label) for line in entries) + 2
    text = []
    for line in entries:
        text.append(f"{line.label:<{width}}{line.description}")
        text += textwrap.wrap(
            ", ".join(line.names), WIDTH, initial_indent=" " * width + "· ", subsequent_indent=" " * (width + 2)
        )
    return "".join(f"{line.rstrip()}\n" for line in text)


def main() -> None:
    """Replace the tree in the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(TREE.sub(lambda match: match[1] + render() + match[3], text), encoding="utf-8")


if __name__ == "__main__":
    main()
