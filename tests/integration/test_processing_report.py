"""report.html of processing in a real browser, at the widths of a phone and of a desktop."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from browsing import find, measured, run
from tokenizers import Tokenizer, models, pre_tokenizers

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def browser() -> str:
    return find()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a job that filtered and rejected rows for many reasons."""
    base = tmp_path_factory.mktemp("job")
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "good": 1, "bad": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(base / "tokenizer.json"))
    lines = [f"{'good ' * (n % 50)}film <b>\u00e9 {n % 900}</b>\t{n % 3}" for n in range(1000)]
    # The last is not UTF-8.
    lines += ["a\tb\tc", "alone", "\t1", "film\t", "film\tx", "\udcff" * 3 + "\t1"] * 3
    (base / "a.tsv").write_bytes(("text\tlabel\n" + "\n".join(lines) + "\n").encode("utf-8", "surrogateescape"))
    flags = ["--input", str(base / "a.tsv"), "--tokenizer", str(base / "tokenizer.json"), "--max-length", "24"]
    flags += ["--drop-duplicates", "--max-rows", "800", "--min-chars", "9"]
    environ = {**os.environ, "SAGEMAKER_BASE_DIR": str(base), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-m", "processing", *flags], env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "film <b>" not in done.stdout
    return base / "processing" / "report" / "report.html"


@pytest.mark.parametrize("width", [340, 1200])
def test_no_label_is_cut_off_or_overlaps_on_a_phone_or_a_desktop(
    browser: str, page: Path, width: int, tmp_path: Path
) -> None:
    found = measured(browser, page, width, tmp_path)
    assert found["width"] <= width
    assert len(found["pictures"]) == 2
    for picture in found["pictures"]:
        assert picture["texts"] >= 5
        assert (picture["cut"], picture["overlaps"]) == (0, 0)
        assert 200 < picture["width"] <= width


def test_a_screenshot_has_the_colours_of_kept_filtered_and_rejected_rows(
    browser: str, page: Path, tmp_path: Path
) -> None:
    image = tmp_path / "page.png"
    run(browser, tmp_path / "profile", "--window-size=1100,1500", f"--screenshot={image}", page.as_uri())
    pixels = png(image.read_bytes())
    assert pixels.shape == (1500, 1100, 3)
    for colour in ((0x2F, 0x6F, 0xDB), (0xE0, 0x8A, 0x1E), (0xC9, 0x45, 0x3B)):
        assert int((pixels == colour).all(axis=2).sum()) > 50


def png(data: bytes) -> np.ndarray:
    """The pixels [height, width, 3] of an 8-bit PNG without interlacing (RFC 2083, filter types 0 to 4)."""
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    assert depth == 8 and kind in (2, 6)
    channels = 3 if kind == 2 else 4
    place, packed = 8, b""
    while place < len(data):
        size, name = struct.unpack(">I4s", data[place : place + 8])
        packed += data[place + 8 : place + 8 + size] if name == b"IDAT" else b""
        place += size + 12
    lines = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + width * channels)
    above = np.zeros(width * channels, np.uint8)
    found = np.empty((height, width * channels), np.uint8)
    for row, line in enumerate(lines):
        above = found[row] = unfiltered(int(line[0]), line[1:], above, channels)
    return found.reshape(height, width, channels)[:, :, :3]


def unfiltered(kind: int, line: np.ndarray, above: np.ndarray, channels: int) -> np.ndarray:
    if kind == 0:
        return line
    if kind == 2:
        return line + above
    found, upper = [0] * channels + line.tolist(), [0] * channels + above.tolist()
    for place in range(channels, len(found)):
        left, up, corner = found[place - channels], upper[place], upper[place - channels]
        guess = left if kind == 1 else (left + up) // 2 if kind == 3 else paeth(left, up, corner)
        found[place] = (found[place] + guess) % 256
    return np.array(found[channels:], np.uint8)


def paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda value: abs(guess - value))
