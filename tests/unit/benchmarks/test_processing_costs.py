"""Inputs and table of the benchmark of what files and options cost a processing job."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow.parquet
import pytest

from benchmarks import processing_costs
from benchmarks.measure import Run

ROWS = ["star_rating\treview_body", "1\tbad, dull", "5\tgood", "1\tlong", "5\tfine"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.tsv"
    path.write_text("".join(f"{line}\n" for line in ROWS))
    return path


@pytest.mark.parametrize(("suffix", "delimiter"), [(".tsv", "\t"), (".csv", ",")])
def test_large_texts_are_all_texts_up_to_the_length(
    suffix: str, delimiter: str, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processing_costs, "LARGE_TEXT", 12)
    processing_costs.large_texts(source, source.parent / "in", suffix, copies=2)
    with (source.parent / "in" / f"reviews{suffix}").open(newline="") as file:
        records = list(csv.reader(file, delimiter=delimiter))
    assert records == [["star_rating", "review_body"], ["1", "0 bad, dull go"], ["5", "1 bad, dull go"]]


def test_row_groups_have_the_bytes_of_rows(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processing_costs, "ROW_GROUP_BYTES", source.stat().st_size * 3 / 4)
    processing_costs.row_groups(source, source.parent / "in")
    file = pyarrow.parquet.ParquetFile(source.parent / "in" / "reviews.parquet")
    assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [3, 1]


def test_rows_are_written_twice_with_one_header(source: Path) -> None:
    processing_costs.twice(source, source.parent / "in")
    assert (source.parent / "in" / "reviews.tsv").read_text().splitlines() == [*ROWS, *ROWS[1:]]


def test_the_table_has_medians_and_the_ratios_of_pairs() -> None:
    plain = [Run(2.0, 10**6, cpu=4.0), Run(4.0, 10**6, cpu=4.0), Run(3.0, 10**6, cpu=4.0)]
    other = [Run(3.0, 2 * 10**6, cpu=5.0), Run(4.0, 2 * 10**6, cpu=6.0), Run(6.0, 2 * 10**6, cpu=7.0)]
    *_, first, second = processing_costs.table({"one": plain, "many": other})
    assert first == "| one | 3.00 | 4.00 |  |  | 1 MB |"
    assert second == "| many | 4.00 | 6.00 | 1.33 (1.00 to 2.00) | 1.50 (1.25 to 1.75) | 2 MB |"
