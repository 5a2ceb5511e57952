"""The processing program against the tutorial's way, as it is and with more care.

    python -m benchmarks.processing --data reviews.tsv.gz --tokenizer FOLDER --output FOLDER \\
        [--rows 25000] [--scales 1 10] [--repeats 3 1] [--peers map batches tutorial] [--gzip]

Whole processes, alternating, medians; rows are made distinct by a number in front of the text. Before each
run the same way runs on few rows, for a way that took all memory leaves the next one's libraries and input
to be read from disk. Writes processing.md (a table) and processing.svg (the same as bars) into the output folder.
"""

from __future__ import annotations

import argparse
import gzip
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TextIO, cast

from benchmarks.measure import Run, Way, alternate, machine, median
from benchmarks.plot import bars
from contract.files import write_text

TEXT_COLUMN = "review_body"
PEERS = ("map", "batches", "tutorial")
FEW_ROWS = 500
READ_BYTES = 1 << 20


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.processing")
    parser.add_argument("--data", type=Path, required=True, help="tab-separated and gzipped, with star_rating")
    parser.add_argument("--tokenizer", required=True, help="folder with tokenizer.json")
    parser.add_argument("--output", type=Path, required=True, help="folder for the table and the plot")
    parser.add_argument("--rows", type=int, default=25_000)
    parser.add_argument("--scales", type=int, nargs="+", default=[1, 10], help="times the rows")
    parser.add_argument("--repeats", type=int, nargs="+", default=[3, 1], help="runs of each way, by scale")
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--gzip", action="store_true", help="compress the rows, which one core then inflates")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS)
    given = parser.parse_args()
    if len(given.repeats) != len(given.scales):
        parser.error(f"--repeats has {len(given.repeats)} numbers, expected one for each of --scales")
    return given


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
    with opened(target) as file:
        file.write(lines[0])
        file.writelines(distinct(lines, rows))


def opened(path: Path) -> TextIO:
    """The new file `path`, compressed if its name says so."""
    if path.suffix == ".gz":
        return cast("TextIO", gzip.open(path, "wt", encoding="utf-8", compresslevel=1))
    return path.open("w", encoding="utf-8")


def commands(data: Path, folder: Path, given: argparse.Namespace) -> dict[str, Sequence[str]]:
    """What runs each way over `data`; ours first."""
    length = ("--max-length", str(given.max_length), "--tokenizer", given.tokenizer)
    ours = ("-m", "processing", "--input", str(data), "--label-threshold", "4", *length)
    places = ("--input", str(data), "--output", str(folder / "tutorial"))
    peer = (sys.executable, "-m", "benchmarks.peers.tutorial_processing", *places, *length)
    batches = ("--batch-rows", "1000")
    peers: dict[str, tuple[str, Sequence[str]]] = {
        "map": ("datasets.map, no padding", (*peer, *batches, "--no-padding")),
        "batches": ("tutorial, map's own batches", (*peer, *batches)),
        "tutorial": ("tutorial", peer),
    }
    return {"processing image": (sys.executable, *ours), **dict(peers[name] for name in given.peers)}


def ways(data: Path, few: Path, folder: Path, given: argparse.Namespace) -> list[Way]:
    """Every way starts from an empty output, with its libraries and its input at hand."""
    environ = {**os.environ, "SAGEMAKER_BASE_DIR": str(folder / "ml"), "HF_DATASETS_CACHE": str(folder / "cache")}
    first = commands(few, folder, given)
    return [
        Way(name, command, partial(ready, first[name], environ, data, folder), environ, expendable=name == "tutorial")
        for name, command in commands(data, folder, given).items()
    ]


def ready(command: Sequence[str], environ: Mapping[str, str], data: Path, folder: Path) -> None:
    """Run `command`, which loads a way's libraries, then empty the outputs and read the input."""
    clean(folder)
    subprocess.run(command, env=environ, check=True, capture_output=True)
    clean(folder)
    # What the last one wrote is not for the next one to wait for.
    os.sync()
    with data.open("rb") as file:
        while file.read(READ_BYTES):
            pass


def clean(folder: Path) -> None:
    for name in ("ml", "tutorial", "cache"):
        shutil.rmtree(folder / name, ignore_errors=True)


def table(results: dict[str, Run], rows: int) -> str:
    ours = next(iter(results.values()))
    lines = ["| way | seconds | rows/s | peak memory | times ours |", "|---|---|---|---|---|"]
    for name, result in results.items():
        memory = f"{result.peak / 1e6:,.0f} MB"
        if result.killed:
            lines.append(f"| {name} | out of memory after {result.seconds:.0f} | | {memory} | |")
            continue
        rate, times = rows / result.seconds, result.seconds / ours.seconds
        lines.append(f"| {name} | {result.seconds:.2f} | {rate:,.0f} | {memory} | {times:.1f} |")
    return "\n".join(lines)


def measured(folder: Path, rows: int, repeats: int, given: argparse.Namespace) -> dict[str, Run]:
    """The median run of each way over `rows` rows."""
    suffix = ".tsv.gz" if given.gzip else ".tsv"
    data, few = folder / f"reviews{suffix}", folder / f"few{suffix}"
    enlarge(given.data, data, rows)
    enlarge(given.data, few, FEW_ROWS)
    runs = alternate(ways(data, few, folder, given), repeats, folder / "log")
    return {name: median(each) for name, each in runs.items()}


def main() -> None:
    given = parse()
    given.output.mkdir(parents=True, exist_ok=True)
    form = "gzipped" if given.gzip else "plain"
    lines = [f"{machine()}; {datetime.now(UTC):%Y-%m-%d}; at most {given.max_length} tokens; {form} input"]
    results = {}
    with tempfile.TemporaryDirectory() as name:
        for scale, repeats in zip(given.scales, given.repeats, strict=True):
            rows = given.rows * scale
            found = measured(Path(name), rows, repeats, given)
            results[f"{rows:,} rows"] = found
            lines.append(f"\n{rows:,} rows, {'medians' if repeats > 1 else 'one run'} of {repeats}:\n")
            lines.append(table(found, rows))
    words = "\n".join(lines).replace("one run of 1", "one run") + "\n"
    print(f"\n{words}")
    write_text(given.output / "processing.md", words)
    write_text(given.output / "processing.svg", bars("Raw reviews to tokenized splits, whole processes", results))


if __name__ == "__main__":
    main()
