"""mkdocs hook: links from docs/ to other files of the repository, checked, and pointed at the repository's web page.

mkdocs knows the files of docs/ only, and would call every other link dead.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#\s]+)(#[^)\s]*)?\)")

# Warnings of this logger fail a strict build.
log = logging.getLogger("mkdocs.hooks.site")


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """mkdocs calls this for each page."""
    return relinked(markdown, DOCS / page.file.src_uri, str(config.get("repo_url") or ""))


def relinked(markdown: str, page: Path, repository: str) -> str:
    """`markdown` of the file `page`, its links out of docs/ led to `repository`; text where that is empty."""

    def replace(found: re.Match[str]) -> str:
        text, target = found[1], found[2]
        if ":" in target:
            return found[0]
        file = (page.parent / target).resolve()
        if not file.exists():
            log.warning("%s links to %s, which is no file", page.relative_to(ROOT), target)
            return text
        if file.is_relative_to(DOCS) and file.is_file():
            return found[0]
        path = file.relative_to(ROOT).as_posix()
        return f"[{text}]({repository.rstrip('/')}/blob/main/{path})" if repository else text

    return LINK.sub(replace, markdown)
