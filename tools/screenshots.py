"""Takes the screenshots of docs/images (both reports, a served response) from the files of `make demo` in .demo.

    python -m tools.screenshots

Needs a Chromium browser on PATH. Each page is taken at a width of 1200 pixels (desktop) and 375 (phone).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageChops

from contract import local_server
from contract.page import render
from contract.paths import Paths
from examples.demo import stages
from examples.demo.__main__ import QUESTIONS, ROOT

IMAGES = ROOT / "docs" / "images"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run")
WIDTHS = {"": 1200, "-phone": 375}
TALL = 4000  # pixels, higher than any of the pages
MARGIN = 24  # pixels below the last row that is not empty
COLORS = 128  # colours of a picture: fewer make smaller files
TERMINAL = Path(__file__).with_name("terminal.html.jinja")


def browser() -> str:
    """Path of a browser; exits if none is on PATH."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        sys.exit(f"none of {', '.join(BROWSERS)} is on PATH")
    return path


def take(page: Path, name: str, most: int = TALL) -> None:
    """Take screenshots of `page` at each width, as high as the page, on a desktop at most `most` pixels."""
    for suffix, width in WIDTHS.items():
        target = IMAGES / f"{name}{suffix}.png"
        with tempfile.TemporaryDirectory() as folder:
            raw = Path(folder) / "raw.png"
            size = (f"--window-size={width},{TALL}", f"--screenshot={raw}", f"--user-data-dir={folder}/profile")
            subprocess.run([browser(), *FLAGS, *size, page.as_uri()], check=True, capture_output=True, timeout=120)
            with Image.open(raw) as picture:
                crop(picture.convert("RGB"), most if not suffix else TALL).quantize(COLORS).save(target, optimize=True)
        print(f"{target.relative_to(ROOT)}: {target.stat().st_size / 1024:.0f} KiB")


def crop(picture: Image.Image, most: int) -> Image.Image:
    """Remove the empty rows at the bottom of `picture`, and limit its height to `most` pixels."""
    background = Image.new("RGB", picture.size, picture.getpixel((0, picture.height - 1)))
    box = ImageChops.difference(picture, background).getbbox()
    bottom = picture.height if box is None else min(box[3] + MARGIN, picture.height)
    return picture.crop((0, 0, picture.width, min(bottom, most)))


def response(folder: Path) -> str:
    """A page that looks like a terminal, with a request to the demo's model and its response."""
    paths = Paths(folder / "ml")
    shutil.rmtree(folder / "tmp", ignore_errors=True)
    body = json.dumps({"inputs": list(QUESTIONS[:2])}, indent=2)
    with stages.server(stages.environment(ROOT, folder, paths, online=False), local_server.free_port()) as address:
        predictions = local_server.predict(address, QUESTIONS[:2])
    command = f"curl http://127.0.0.1:8080/invocations -H 'Content-Type: application/json' -d '{body}'"
    lines = ",\n ".join(map(json.dumps, predictions))
    return render(TERMINAL, command=command, answer=f"[{lines}]")


def main() -> None:
    """Take all screenshots."""
    parser = argparse.ArgumentParser(prog="python -m tools.screenshots", description=__doc__)
    parser.add_argument("--demo", type=Path, default=ROOT / ".demo", help="the folder of make demo")
    folder = parser.parse_args().demo.resolve()
    paths = Paths(folder / "ml")
    take(paths.processing_report / "report.html", "data-report", most=1000)
    take(paths.output_data / "report.html", "training-report", most=1040)
    with tempfile.TemporaryDirectory() as name:
        page = Path(name) / "answer.html"
        page.write_text(response(folder))
        take(page, "served-answer")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
