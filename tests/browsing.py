"""Opens an HTML page in a real browser, and measures its width and the labels of its diagrams."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
)
# Finds whether the page is wider than its window, and whether labels of diagrams are cut off or overlap.
MEASURE = """<!doctype html><iframe srcdoc="PAGE" width="WIDTH" height="900"></iframe><pre id="found"></pre><script>
document.querySelector("iframe").onload = (event) => {
  const page = event.target.contentDocument;
  const pictures = [...page.querySelectorAll("svg")].map((svg) => {
    const whole = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")].map((text) => text.getBoundingClientRect());
    const cut = texts.filter((t) => t.left < whole.left - 1 || t.right > whole.right + 1
      || t.top < whole.top - 1 || t.bottom > whole.bottom + 1).length;
    const overlaps = texts.filter((a, i) => texts.some((b, j) => i < j && a.left < b.right - 1 && b.left < a.right - 1
      && a.top < b.bottom - 3 && b.top < a.bottom - 3)).length;
    return {width: whole.width, texts: texts.length, cut, overlaps};
  });
  document.getElementById("found").textContent =
    JSON.stringify({width: page.documentElement.scrollWidth, pictures});
};
</script>"""


def find() -> str:
    """Path of a browser; skips the test if there is none on PATH."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is on PATH")
    return found


def run(browser: str, profile: Path, *flags: str) -> str:
    command = [browser, *QUIET, f"--user-data-dir={profile}", *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def measured(browser: str, page: Path, width: int, folder: Path) -> dict[str, Any]:
    frame = folder / f"frame-{width}.html"
    frame.write_text(MEASURE.replace("PAGE", html.escape(page.read_text())).replace("WIDTH", str(width)))
    shown = run(browser, folder / f"profile-{width}", "--virtual-time-budget=4000", "--dump-dom", frame.as_uri())
    found = re.search(r'<pre id="found">(.+?)</pre>', shown)
    assert found is not None
    return json.loads(html.unescape(found[1]))
