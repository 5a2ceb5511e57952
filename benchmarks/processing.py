"""Compares the processing image with the tutorial's script, unchanged and in two more efficient variants.

    python -m benchmarks.processing --data reviews.tsv.gz --tokenizer FOLDER --output FOLDER \\
        [--rows 25000] [--scales 1 10] [--repeats 3 1] [--peers map batches tutorial] [--gzip]

They run as whole processes in turn, and medians are taken. Rows are made distinct by a number before the text.
Before each run the same program runs on few rows, since a program that used all memory has evicted the libraries
and the input from the page cache. Writes processing.md (a table) and processing.svg to the output folder.
"""

from __future__ import annotations

import argparse
import gzip
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TextIO, cast

from benchmarks.measure import Program, Run, alternate, machine, median, number_of_runs
from benchmarks.plot import bars
from contract.files import write_text

TEXT_COLUMN = "review_body"
PEERS = ("map", "batches", "tutorial")
FEW_ROWS = 500
READ_BYTES = 1 << 20


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.processing")
    parser.add_argument("--data", type=Path, required=True, help="gzip file of tab-separated values with star_rating")
    parser.add_argument("--tokenizer", required=True, help="folder with tokenizer.json")
    parser.add_argument("--output", type=Path, required=True, help="folder for the table and the plot")
    parser.add_argument("--rows", type=int, default=25_000)
    parser.add_argument("--scales", type=int, nargs="+", default=[1, 10], help="factors of the number of rows")
    parser.add_argument("--repeats", type=int, nargs="+", default=[3, 1], help="runs of each program, by scale")
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--gzip", action="store_true", help="compress the input, which one core decompresses")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS)
    options = parser.parse_args()
    if len(options.repeats) != len(options.scales):
        parser.error(f"--repeats has {len(options.repeats)} numbers, expected one for each of --scales")
    return options


def distinct(lines: list[str], rows: int) -> Iterator[str]:
    """`rows` lines from `lines`, repeated if necessary, with a number before each text."""
    header = lines[0].rstrip("\n").split("\t")
    column = header.index(TEXT_COLUMN)
    for number in range(rows):
        fields = lines[1 + number % (len(lines) - 1)].rstrip("\n").split("\t")
        fields[column] = f"{number} {fields[column]}"
        yield "\t".join(fields) + "\n"


def enlarge(source: Path, target: Path, rows: int) -> None:
    """Write `rows` rows of `source` to `target`, made distinct."""
    with gzip.open(source, "rt", encoding="utf-8") as file:
        lines = file.readlines()
    with opened(target) as file:
        file.write(lines[0])
        file.writelines(distinct(lines, rows))


def opened(path: Path) -> TextIO:
    """Open the new file `path`, compressed if its suffix is .gz."""
    if path.suffix == ".gz":
        return cast("TextIO", gzip.open(path, "wt", encoding="utf-8", compresslevel=1))
    return path.open("w", encoding="utf-8")


def commands(data: Path, folder: Path, options: argparse.Namespace) -> dict[str, Sequence[str]]:
    """The command line of each program for the input `data`, the image first."""
    length = ("--max-length", str(options.max_length), "--tokenizer", options.tokenizer)
    image = ("-m", "processing", "--input", str(data), "--label-threshold", "4", *length)
    files = ("--input", str(data), "--output", str(folder / "tutorial"))
    peer = (sys.executable, "-m", "benchmarks.peers.tutorial_processing", *files, *length)
    batches = ("--batch-rows", "1000")
    peers: dict[str, tuple[str, Sequence[str]]] = {
        "map": ("datasets.map, no padding", (*peer, *batches, "--no-padding")),
        "batches": ("tutorial, map's own batches", (*peer, *batches)),
        "tutorial": ("tutorial", peer),
    }
    return {"processing image": (sys.executable, *image), **dict(peers[name] for name in options.peers)}


def programs(data: Path, few: Path, folder: Path, options: argparse.Namespace) -> list[Program]:
    """The programs; each starts with empty outputs, and with its libraries and input in the page cache."""
    environ = {**os.environ, "SAGEMAKER_BASE_DIR": str(folder / "ml"), "HF_DATASETS_CACHE": str(folder / "cache")}
    first = commands(few, folder, options)
    return [
        Program(
            name, command, partial(warm_up, first[name], environ, data, folder), environ, expendable=name == "tutorial"
        )
        for name, command in commands(data, folder, options).items()
    ]


def warm_up(command: Sequence[str], environ: Mapping[str, str], data: Path, folder: Path) -> None:
    """Run `command`, which loads a program's libraries, then delete the outputs and read the input."""
    clean(folder)
    subprocess.run(command, env=environ, check=True, capture_output=True)
    clean(folder)
    into_page_cache([data])


def into_page_cache(paths: Iterable[Path]) -> None:
    """Read the files `paths` once, after all writes, for which the next program would wait, are on disk."""
    os.sync()
    for path in paths:
        with path.open("rb") as file:
            while file.read(READ_BYTES):
                pass


def clean(folder: Path) -> None:
    """Delete the outputs of all programs."""
    for name in ("ml", "tutorial", "cache"):
        shutil.rmtree(folder / name, ignore_errors=True)


def table(results: dict[str, Run], rows: int) -> str:
    """A Markdown table of the results; the image's is the first."""
    image = next(iter(results.values()))
    lines = ["| program | seconds | rows/s | peak memory | times the image's seconds |", "|---|---|---|---|---|"]
    for name, result in results.items():
        memory = f"{result.peak / 1e6:,.0f} MB"
        if result.killed:
            lines.append(f"| {name} | out of memory after {result.seconds:.0f} | | {memory} | |")
            continue
        rate, times = rows / result.seconds, result.seconds / image.seconds
        lines.append(f"| {name} | {result.seconds:.2f} | {rate:,.0f} | {memory} | {times:.1f} |")
    return "\n".join(lines)


def measured(folder: Path, rows: int, repeats: int, options: argparse.Namespace) -> dict[str, Run]:
    """The median run of each program with `rows` rows."""
    suffix = ".tsv.gz" if options.gzip else ".tsv"
    data, few = folder / f"reviews{suffix}", folder / f"few{suffix}"
    enlarge(options.data, data, rows)
    enlarge(options.data, few, FEW_ROWS)
    runs = alternate(programs(data, few, folder, options), repeats, folder / "log")
    return {name: median(group) for name, group in runs.items()}


def main() -> None:
    """Run the benchmark; writes the table and the plot."""
    options = parse()
    options.output.mkdir(parents=True, exist_ok=True)
    form = "gzip" if options.gzip else "uncompressed"
    lines = [f"{machine()}; {datetime.now(UTC):%Y-%m-%d}; at most {options.max_length} tokens; {form} input"]
    results = {}
    with tempfile.TemporaryDirectory() as name:
        for scale, repeats in zip(options.scales, options.repeats, strict=True):
            rows = options.rows * scale
            runs = measured(Path(name), rows, repeats, options)
            results[f"{rows:,} rows"] = runs
            lines.append(f"\n{rows:,} rows, {number_of_runs(repeats)}:\n")
            lines.append(table(runs, rows))
    words = "\n".join(lines) + "\n"
    print(f"\n{words}")
    write_text(options.output / "processing.md", words)
    write_text(options.output / "processing.svg", bars("Raw reviews to tokenized splits, whole processes", results))


if __name__ == "__main__":
    main()
