"""What many small files, options that compare rows, and large texts cost a processing job, for docs/scaling.md.

    python -m benchmarks.processing_costs --data reviews.tsv.gz --tokenizer FOLDER [--repeats 5] [--scale 1.0] \\
        [--cases files duplicates near-duplicates more-near-duplicates memory]

Each job runs next to the one that it is compared with, in turn, as whole processes that start with their input in the
page cache. Prints a Markdown table with medians, and the ratios of the single pairs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from operator import attrgetter
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from benchmarks.measure import Program, Run, alternate, machine, median, number_of_runs
from benchmarks.processing import TEXT_COLUMN, enlarge, into_page_cache
from benchmarks.scaling import split

LARGE_TEXT = 5_000_000  # characters
ROW_GROUP_BYTES = 300_000_000
SECONDS, CPU = attrgetter("seconds"), attrgetter("cpu")


@dataclass(frozen=True)
class Job:
    """A job to measure.

    Attributes:
        name: name in the table.
        write: writes the input into a folder that does not exist, from one file of tab-separated values.
        options: options of processing beside those that all jobs have.
    """

    name: str
    write: Callable[[Path, Path], None]
    options: Sequence[str] = ()


@dataclass(frozen=True)
class Case:
    """Jobs that are measured in turn; the first is the one that the others are compared with.

    Attributes:
        rows: number of rows of the file that inputs are made from.
        repeats: runs of each job; None for the number on the command line.
    """

    rows: int
    jobs: Sequence[Job]
    repeats: int | None = None


def in_files(number: int) -> Callable[[Path, Path], None]:
    """Writes the rows into `number` files, each with the header."""
    return partial(split, files=number)


def with_option(rows: int, *option: str, repeats: int | None = None) -> Case:
    """A case of `rows` rows in one file, without and with `option`."""
    jobs = [Job(f"{rows:,} rows in one file", in_files(1)), Job(f"with {' '.join(option)}", in_files(1), option)]
    return Case(rows, jobs, repeats)


def twice(source: Path, folder: Path) -> None:
    """Write the rows twice into one file."""
    folder.mkdir()
    with source.open("rb") as rows, (folder / "reviews.tsv").open("wb") as target:
        shutil.copyfileobj(rows, target)
        rows.seek(0)
        rows.readline()
        shutil.copyfileobj(rows, target)


def large_texts(source: Path, folder: Path, suffix: str, copies: int) -> None:
    """Write a file of `copies` texts of LARGE_TEXT characters each: the texts of `source`, joined by spaces."""
    folder.mkdir()
    text = " ".join(map(str, read(source)[TEXT_COLUMN].to_pylist()))
    column = [f"{number} {text[:LARGE_TEXT]}" for number in range(copies)]
    table = pa.table({"star_rating": [1, 5] * (copies // 2), TEXT_COLUMN: column})
    write_options = pa.csv.WriteOptions(delimiter="\t" if suffix == ".tsv" else ",", quoting_style="needed")
    pa.csv.write_csv(table, folder / f"reviews{suffix}", write_options)


def row_groups(source: Path, folder: Path) -> None:
    """Write the rows to a parquet file with row groups of ROW_GROUP_BYTES of text."""
    folder.mkdir()
    table = read(source)
    rows = int(table.num_rows * ROW_GROUP_BYTES / source.stat().st_size)
    pa.parquet.write_table(table, folder / "reviews.parquet", row_group_size=rows)


def read(source: Path) -> pa.Table:
    """The rows of a file of tab-separated values without quotes."""
    parse_options = pa.csv.ParseOptions(delimiter="\t", quote_char=False)
    return pa.csv.read_csv(source, parse_options=parse_options)


CASES = {
    "files": Case(
        1_000_000,
        [
            Job("1,000,000 rows in one file", in_files(1)),
            Job("in 2,000 files", in_files(2_000)),
            Job("in 10,000 files", in_files(10_000)),
        ],
    ),
    "duplicates": with_option(250_000, "--drop-duplicates"),
    "near-duplicates": with_option(25_000, "--near-duplicates", "0.8"),
    "more-near-duplicates": with_option(250_000, "--near-duplicates", "0.8", repeats=3),
    "memory": Case(
        2_500_000,
        [
            Job("2,500,000 rows in one file", in_files(1)),
            Job("with --drop-duplicates", in_files(1), ["--drop-duplicates"]),
            Job("in 10,000 files, with --drop-duplicates", in_files(10_000), ["--drop-duplicates"]),
            Job("5,000,000 rows in one file", twice),
            Job("in row groups of 300 MB", row_groups),
            Job("10 texts of 5 MB, tsv", partial(large_texts, suffix=".tsv", copies=10)),
            Job("10 texts of 5 MB, csv", partial(large_texts, suffix=".csv", copies=10)),
        ],
        repeats=1,
    ),
}


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.processing_costs")
    parser.add_argument("--data", type=Path, required=True, help="gzip file of tab-separated values with star_rating")
    parser.add_argument("--tokenizer", required=True, help="folder with tokenizer.json")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each job, in turn")
    parser.add_argument("--scale", type=float, default=1.0, help="factor of the number of rows, for a try")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--max-length", type=int, default=512)
    return parser.parse_args()


def prepare(inputs: Path, base: Path) -> None:
    """Delete the outputs in `base`, and read the input once, so that it is in the page cache."""
    shutil.rmtree(base, ignore_errors=True)
    into_page_cache(inputs.iterdir())


def programs(case: Case, folder: Path, options: argparse.Namespace) -> Iterator[Program]:
    """The jobs of a case as programs, with their inputs written to `folder`."""
    source, base = folder / "reviews.tsv", folder / "ml"
    enlarge(options.data, source, int(case.rows * options.scale))
    common = ("--tokenizer", options.tokenizer, "--max-length", str(options.max_length), "--label-threshold", "4")
    for number, job in enumerate(case.jobs):
        inputs = folder / f"input-{number}"
        job.write(source, inputs)
        command = (sys.executable, "-m", "processing", "--input", str(inputs), *common, *job.options)
        environ = {**os.environ, "SAGEMAKER_BASE_DIR": str(base)}
        yield Program(job.name, command, partial(prepare, inputs, base), environ)


def ratios(runs: Sequence[Run], plain: Sequence[Run], value: Callable[[Run], float]) -> str:
    """The ratio of the medians of `value`, and in parentheses the least and the greatest of the single pairs."""
    middle = value(median(runs)) / value(median(plain))
    pairs = sorted(value(run) / value(other) for run, other in zip(runs, plain, strict=True))
    return f"{middle:.2f} ({pairs[0]:.2f} to {pairs[-1]:.2f})"


def table(results: dict[str, list[Run]]) -> Iterator[str]:
    """The lines of a Markdown table of a case; the first job is the plain one."""
    plain, *_ = results.values()
    yield "| job | s | CPU s | times the first in s | in CPU s | peak memory |"
    yield "|---|---|---|---|---|---|"
    for name, runs in results.items():
        middle = median(runs)
        times = " | " if runs is plain else f"{ratios(runs, plain, SECONDS)} | {ratios(runs, plain, CPU)}"
        yield f"| {name} | {middle.seconds:.2f} | {middle.cpu:.2f} | {times} | {middle.peak / 1e6:.0f} MB |"


def main() -> None:
    """Run the jobs of all cases, and print a table of each."""
    options = parse()
    print(f"{machine()}; {datetime.now(UTC):%Y-%m-%d}; at most {options.max_length} tokens", flush=True)
    for name in options.cases:
        case = CASES[name]
        with tempfile.TemporaryDirectory(prefix="costs-") as folder:
            repeats = case.repeats or options.repeats
            found = alternate(list(programs(case, Path(folder), options)), repeats, Path(folder, "log"))
        print(f"\n{name}, {number_of_runs(repeats)}:\n")
        print("\n".join(table(found)), flush=True)


if __name__ == "__main__":
    main()
