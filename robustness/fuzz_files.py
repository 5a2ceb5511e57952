"""Fuzzes the processing image's input: each record of a mutated file is kept, filtered or rejected, or none is read.

    python -m robustness.fuzz_files [--files 2000] [--seed 1] [--first 0] [--copies 1]

Each file is a small table of reviews (csv, tsv or JSON Lines, some compressed or in another encoding) whose bytes are
mutated: quotes, line ends, bytes, encodings, truncation. The job must end with one sentence that has no text of the
data, or its counts must add up to an independent count of the records of the file as it lies there. Prints the counts,
and each file that fails with its number; --first N --files 1 repeats one. With --copies 3 each file lies there three
times, and one scan reads them all.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from contract.failures import UserError
from contract.paths import Paths
from contract.small_bert import write_model
from robustness.mutated_files import MARK, Mutated, mutated

TEXTS = [f"{MARK} a good film", f"{MARK} a bad book"]


@dataclass(frozen=True)
class Ended:
    """What became of a file: read, refused, or wrong, leaked (text of the data in an error), crashed; with details."""

    outcome: str
    details: str = ""
    rows: Counter[str] = field(default_factory=Counter)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m robustness.fuzz_files")
    parser.add_argument("--files", type=int, default=2000, help="number of files")
    parser.add_argument("--seed", type=int, default=1, help="seed of the mutations")
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--copies", type=int, default=1, help="number of copies of each file that one job reads")
    return parser.parse_args(arguments)


def process(source: Path, options: Mapping[str, object], tokenizer: Path, base: Path) -> dict[str, int]:
    """Run the job over a file or folder; returns its row counts: read, kept, filtered, rejected."""
    # Imported late: they take a second, and --help does not need them.
    from processing.options import ProcessingOptions
    from processing.start import start

    given = {
        "label_threshold": 1.0,
        "train_ratio": 1.0,
        "max_rejects": None,
        "min_chars": 0,
        "sample_rows": 0,
        **options,
    }
    job = start(ProcessingOptions(input=str(source), tokenizer=str(tokenizer), threads=1, **given), Paths(base))  # type: ignore[arg-type]
    job.run(Paths(base))
    rows = json.loads(next(base.rglob("report.json")).read_text())["rows"]
    return {
        "read": rows["read"],
        "kept": rows["kept"],
        "filtered": sum(rows["filtered"].values()),
        "rejected": sum(rows["rejected"].values()),
    }


def ended(case: Mutated, run: Callable[[], dict[str, int]], copies: int = 1) -> Ended:
    """Run one case, of which there are `copies` files, and judge it."""
    try:
        rows = run()
    except UserError as error:
        if MARK in str(error) or "\n" in str(error):
            return Ended("leaked", str(error))
        return Ended("refused", str(error))
    except Exception as error:
        return Ended("crashed", f"{type(error).__name__}: {str(error)[:200]}")
    added = rows["kept"] + rows["filtered"] + rows["rejected"]
    expected = case.records() * copies
    if not added == rows["read"] == expected:
        return Ended("wrong", f"{rows} instead of {expected} records")
    return Ended("read", rows=Counter(rows))


def fuzz(files: int, seed: int, first: int = 0, copies: int = 1) -> list[tuple[Mutated, Ended]]:
    """Run all cases; returns each with its end."""
    logging.disable(logging.ERROR)
    results = []
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        write_model(Path(name, "model"), TEXTS, 32)
        for number in range(first, first + files):
            case = mutated(number, random.Random(f"{seed} {number}"))
            folder = Path(name, str(number), "in")
            folder.mkdir(parents=True)
            for copy in range(copies):
                (folder / f"{copy}-{case.name}").write_bytes(case.content)
            source = folder if copies > 1 else folder / f"0-{case.name}"
            run = partial(process, source, case.options, Path(name, "model"), folder.parent / "job")
            results.append((case, ended(case, run, copies)))
    logging.disable(logging.NOTSET)
    return results


def main() -> None:
    """Run all cases, and print the counts."""
    options = parse()
    results = fuzz(options.files, options.seed, options.first, options.copies)
    counts = Counter(end.outcome for _, end in results)
    rows: Counter[str] = sum((end.rows for _, end in results), Counter())
    print(f"{len(results):,} files: {dict(counts)}; rows: {dict(rows)}")
    for kind in sorted({case.mutation for case, _ in results}):
        print(f"  {kind}: {dict(Counter(end.outcome for case, end in results if case.mutation == kind))}")
    for case, end in results:
        if end.outcome not in ("read", "refused"):
            print(f"{end.outcome}: file {case.number} ({case.name}, {case.mutation}): {end.details}")
    if counts.keys() - {"read", "refused"}:
        sys.exit(1)


if __name__ == "__main__":
    main()
