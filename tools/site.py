"""mkdocs hook: checks links from docs/ to other files of the repository, and replaces them by links to GitHub.

mkdocs knows only the files of docs/, and would report every other link as dead.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#\s]+)(#[^)\s]*)?\)")

# mkdocs counts warnings of loggers below mkdocs; with --strict they fail the build.
log = logging.getLogger("mkdocs.hooks.site")


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """Hook that mkdocs calls for the Markdown of each page."""
    return relinked(markdown, DOCS / page.file.src_uri, str(config.get("repo_url") or ""))


def relinked(markdown: str, page: Path, repository: str) -> str:
    """Replace the links to files outside docs/ by links to `repository`, or by their text if that is empty.

    Args:
        page: the file of `markdown`.
        repository: URL of the repository's web page.
    """

    def replace(link: re.Match[str]) -> str:
        text, target = link[1], link[2]
        if ":" in target:
            return link[0]
        file = (page.parent / target).resolve()
        if not file.exists():
            log.warning("%s links to %s, which does not exist", page.relative_to(ROOT), target)
            return text
        if file.is_relative_to(DOCS) and file.is_file():
            return link[0]
        path = file.relative_to(ROOT).as_posix()
        return f"[{text}]({repository.rstrip('/')}/blob/main/{path})" if repository else text

    return LINK.sub(replace, markdown)
