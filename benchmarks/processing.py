"""The processing program against the tutorial's way and against datasets.map without padding.

    python -m benchmarks.processing --data reviews.tsv.gz --tokenizer FOLDER [--rows 25000] [--repeats 3]

Whole processes, alternating, medians; rows are made distinct by a number in front of the text.
"""

from __future__ import annotations

import argparse
import gzip
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.measure import Run, Way, alternate, machine, median

TEXT_COLUMN = "review_body"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.processing")
    parser.add_argument("--data", type=Path, required=True, help="tab-separated and gzipped, with star_rating")
    parser.add_argument("--tokenizer", required=True, help="folder with tokenizer.json")
    parser.add_argument("--rows", type=int, default=25_000)
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=3)
    return parser.parse_args()


def distinct(lines: list[str], rows: int) -> Iterator[str]:
    """`rows` lines from `lines`, repeated as often as needed, each text numbered."""
    header = lines[0].rstrip("\n").split("\t")
    column = header.index(TEXT_COLUMN)
    for number in range(rows):
        fields = lines[1 + number % (len(lines) - 1)].rstrip("\n").split("\t")
        fields[column] = f"{number} {fields[column]}"
        yield "\t".join(fields) + "\n"


def enlarge(source: Path, target: Path, rows: int) -> None:
    with gzip.open(source, "rt", encoding="utf-8") as file:
        lines = file.readlines()
    with gzip.open(target, "wt", encoding="utf-8", compresslevel=1) as file:
        file.write(lines[0])
        file.writelines(distinct(lines, rows))


def ways(data: Path, folder: Path, given: argparse.Namespace) -> list[Way]:
    """Ours first; every way starts from an empty output."""
    base, output = folder / "ml", folder / "tutorial"
    length = ("--max-length", str(given.max_length), "--tokenizer", given.tokenizer)
    peer = (sys.executable, "-m", "benchmarks.peers.tutorial_processing", "--input", str(data), "--output", str(output))
    ours = (sys.executable, "-m", "processing", "--input", str(data), "--label-threshold", "4", *length)
    environ = {**os.environ, "SAGEMAKER_BASE_DIR": str(base), "HF_DATASETS_CACHE": str(folder / "cache")}
    empty = partial(clean, base, output, folder / "cache")
    return [
        Way("processing image", ours, empty, environ),
        Way("datasets.map, no padding", (*peer, *length, "--no-padding"), empty, environ),
        Way("tutorial", (*peer, *length), empty, environ),
    ]


def clean(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def table(results: dict[str, Run], rows: int) -> str:
    ours = next(iter(results.values()))
    lines = ["| way | seconds | rows/s | peak memory | times ours |", "|---|---|---|---|---|"]
    for name, result in results.items():
        rate, times = rows / result.seconds, result.seconds / ours.seconds
        lines.append(f"| {name} | {result.seconds:.2f} | {rate:,.0f} | {result.peak / 1e6:,.0f} MB | {times:.1f} |")
    return "\n".join(lines)


def main() -> None:
    given = parse()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = folder / "reviews.tsv.gz"
        enlarge(given.data, data, given.rows)
        runs = alternate(ways(data, folder, given), given.repeats, folder / "log")
        print(f"\n{machine()}; {given.rows:,} rows, {given.max_length} tokens, medians of {given.repeats}\n")
        print(table({name: median(each) for name, each in runs.items()}, given.rows))


if __name__ == "__main__":
    main()
