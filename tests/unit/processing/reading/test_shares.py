"""A large file that several hosts share has the rows, counts and line numbers that one host finds."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from unit.processing.jobs import Write, as_csv, as_jsonl, as_tsv, everything, on_host, run, table

from processing import distribution
from processing.reading import content, shares
from processing.reading.decompression import block_sizes, blocks
from processing.reading.lines import MAX_LINE_BYTES, PlainRecords, Scanned, without_mark
from processing.reading.shares import OwnParts, Share, plain_parts
from processing.reading.stream import FilePart

TABLE = table(240)
HOSTS = 3


def lines_in_texts() -> bytes:
    """Reviews over several lines, a stray quote, a line of too few values, and blank lines."""
    text = io.StringIO()
    rows = [[i, words.replace(" ", "\n" if int(i) % 3 else " "), label] for i, words, label in TABLE]
    csv.writer(text, lineterminator="\n").writerows([["id", "text", "label"], *rows])
    lines = text.getvalue().split("\n")
    for place, line in ((900, '7,"a stray quote,1'), (600, "half"), (300, "\n")):
        while not lines[place].endswith(tuple("12345")):
            place += 1
        lines.insert(place + 1, line)
    return "\n".join(lines).encode()


def row_groups() -> bytes:
    buffer = io.BytesIO()
    columns = [list(column) for column in zip(*TABLE, strict=True)]
    columns[2][50] = columns[2][200] = "?"
    names = ("id", "text", "label")
    pq.write_table(pa.table(dict(zip(names, columns, strict=True))), buffer, row_group_size=45)
    return buffer.getvalue()


FILES: dict[str, bytes] = {
    "a.csv": lines_in_texts(),
    "a.csv.gz": gzip.compress(lines_in_texts()),
    "excel.csv": b"sep=,\n" + as_csv(TABLE).encode(),
    "utf16.csv": lines_in_texts().decode().encode("utf-16"),
    "a.tsv": as_tsv(TABLE).replace("\n17\t", "\nx\ry\n17\t").encode(),
    "carriage_returns.tsv": as_tsv(TABLE).replace("\n", "\r").encode(),
    "a.jsonl": as_jsonl(TABLE).replace('{"id": "90"', '[]\n\n{"id": "90"').encode(),
    "a.json": json.dumps([json.loads(line) for line in as_jsonl(TABLE).splitlines()], indent=1).encode(),
    "a.parquet": row_groups(),
}


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files are shared, in parts of some records."""
    monkeypatch.setattr(distribution, "LEAST_SHARE", 1)
    monkeypatch.setattr(content, "blocks", partial(blocks, size=700))
    monkeypatch.setattr(shares, "block_sizes", partial(block_sizes, 700))


def listed(base: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for path in base.rglob("rejects.jsonl") for line in path.read_text().splitlines()]
    return sorted(found, key=lambda reject: reject["line"])


@pytest.mark.parametrize("name", FILES)
@pytest.mark.usefixtures("small_parts")
def test_hosts_that_share_a_file_write_the_rows_of_one(
    written: Write, tmp_path: Path, wordpiece: Path, name: str
) -> None:
    folder = written(f"in/{name}", FILES[name]).parent
    options = {
        "tokenizer": str(wordpiece),
        "label_threshold": 3,
        "columns": ("id",),
        "max_rejects": None,
        "stray_quotes": "reject",
    }
    one = run(tmp_path / "one", input=str(folder), **options)["rows"]
    reports = [on_host(tmp_path / "all", folder, host, HOSTS, "replicated", options) for host in range(HOSTS)]
    shares = [report["rows"] for report in reports]
    assert everything(tmp_path / "all") == everything(tmp_path / "one")
    assert listed(tmp_path / "all") == listed(tmp_path / "one")
    assert all(share["other_hosts"] == 0 for share in shares)
    # Every host has read its own rows alone.
    assert sum(share["read"] for share in shares) == one["read"]
    assert all(share["read"] > one["read"] / HOSTS / 2 for share in shares)
    assert sum((Counter(share["rejected"]) for share in shares), Counter()) == Counter(one["rejected"])


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_hosts_without_a_part_of_the_file_write_nothing(
    written: Write, tmp_path: Path, wordpiece: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(distribution, "LEAST_SHARE", 1)
    data = table(2)
    content = as_csv(data).encode()
    if name == "a.parquet":
        buffer = io.BytesIO()
        pq.write_table(pa.table(dict(zip(("id", "text", "label"), zip(*data, strict=True), strict=True))), buffer)
        content = buffer.getvalue()
    options = {"tokenizer": str(wordpiece), "label_threshold": 3}
    folder = written(f"in/{name}", content).parent
    reports = [on_host(tmp_path / "all", folder, host, HOSTS, "replicated", options) for host in range(HOSTS)]
    read = [report["rows"]["read"] for report in reports]
    assert read == ([2, 0, 0] if name == "a.csv" else [0, 1, 1])


def test_the_test_files_have_rejected_lines(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    run(tmp_path, input=str(written("a.csv", FILES["a.csv"])), tokenizer=str(wordpiece), label_threshold=3,
        stray_quotes="reject", max_rejects=None)  # fmt: skip
    assert [reject["reason"] for reject in listed(tmp_path)] == ["too few columns", "quotes do not match"]


def test_the_header_is_in_the_first_part_however_long_it_is() -> None:
    whole = Scanned()

    def parts() -> Any:
        for part in ("sep=,\n", "a,b\n", "1,2\n", "3,4\n"):
            whole.records += 1
            whole.lines += 1
            yield part

    own = OwnParts[str](Share(1, 2), whole, header=2)
    assert [part for is_own, part in own.marked(parts()) if is_own] == ["1,2\n"]
    assert own.scanned.records == 1
    assert own.line(1) == 3


def test_rows_of_shares_are_all_rows() -> None:
    borders = [Share(host, 3).rows(10) for host in range(3)]
    assert borders == [(0, 3), (3, 6), (6, 10)]


LATE_CR = b"".join(b"%d\ttext\n" % number for number in range(40))


@pytest.mark.parametrize("size", [3, 7, 50, 1000])
@pytest.mark.parametrize(
    ("text", "in_place"),
    [
        *((b"", False), (b"a\tb", True), (b"a\tb\n", True), (b"\n\na\tb\n\nc\td", True), (LATE_CR, True)),
        *((b"a\tb\r\nc\td\r\n", False), (b"\xef\xbb\xbfa\tb\nc\td\n", False)),
        *((LATE_CR + b"x\ry\n\r\n" + LATE_CR, None), (LATE_CR + b"x" * (MAX_LINE_BYTES + 5) + b"\n" + LATE_CR, None)),
    ],
)
def test_parts_in_place_are_those_of_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: bytes, size: int, in_place: bool | None
) -> None:
    """The same parts and counts, whatever the file has; None: some are in place, and others are copies."""
    size = max(size, len(text) // 100_000)
    monkeypatch.setattr(shares, "block_sizes", partial(block_sizes, size))
    path = tmp_path / "a.tsv"
    path.write_bytes(text)
    copied, placed = PlainRecords(b"\t", 2), PlainRecords(b"\t", 2)
    expected = [part for part in copied.blocks(without_mark(blocks(io.BytesIO(text), size))) if part]
    found = list(plain_parts(path, "a.tsv", placed))
    kinds = {isinstance(part, FilePart) for part in found}
    assert kinds == ({True, False} if in_place is None else {in_place} if text else set()) or size > 50
    passed = [text[part.start : part.end] if isinstance(part, FilePart) else part for part in found]
    assert [part for part in passed if part] == expected
    assert placed.scanned == copied.scanned
