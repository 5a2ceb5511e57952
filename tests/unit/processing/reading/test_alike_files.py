"""Layouts of small files that are found together, against those that are found of each file for itself."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from contract.failures import UserError
from processing.reading import alike_files
from processing.reading.alike_files import find_layouts
from processing.reading.layout import Layout, forget_layouts, found_layout, kept, layout
from processing.reading.source import SourceFile, find

Write = Callable[[str, str | bytes], Path]

FILES = {
    "a.tsv": b'text\tlabel\n"a ""b"" c"\t1\n',
    "b.tsv": b'text\tlabel\n"a" b\t1\n\nc\t2',
    "c.csv": b"text;label\na;1\n",
    "d.csv": b"sep=|\r\ntext|label\r\na|1\r\n",
    "e.csv": "text,label\n\u00e9,1\n".encode("utf-16"),
    "f.csv": b"\xef\xbb\xbftext,label\na,1\n",
    "g.csv.gz": gzip.compress(b'text,label\n"a,b",1\n'),
    "h.jsonl": b'{"text": "a\\tb"}\n',
    "i.json": b'[{"text": 1},\n{"text": 2}]',
    "j.csv": b"text,label\n" + b"a,1\n" * 100_000,
    "k.csv": b"\n",
    "l.csv.gz": b"damaged",
    "m.csv": b"text,label\n\xff\xff\xff\xff,1\n",
}


def test_layouts_that_are_found_together_are_those_of_each_file(written: Write, tmp_path: Path) -> None:
    for name, content in FILES.items():
        written(f"in/{name}", content)
    files, _ = find(str(tmp_path / "in"))
    assert len(files) == len(FILES)
    (tmp_path / "in" / "c.csv").rename(tmp_path / "gone.csv")

    def layouts() -> list[Layout | str]:
        found: list[Layout | str] = []
        for file in files:
            try:
                found.append(layout(file))
            except (UserError, OSError) as error:
                found.append(str(error))
        return found

    forget_layouts()
    alone = layouts()
    assert [type(each) for each in alone].count(str) == 4
    forget_layouts()
    find_layouts(files)
    (tmp_path / "in").rename(tmp_path / "elsewhere")
    # They are kept: those of the files that could be read do not need them any more.
    together = layouts()
    assert [each for each in together if isinstance(each, Layout)] == [e for e in alone if isinstance(e, Layout)]
    assert [type(each) for each in together] == [type(each) for each in alone]


def test_a_layout_is_found_and_logged_once(written: Write, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(3):
        written(f"in/{number}.csv", "text;label\na;1\n")
    files, _ = find(str(tmp_path / "in"))
    forget_layouts()
    with caplog.at_level("INFO"):
        layout(files[0])
        find_layouts(files[:2])
        find_layouts(files)
    assert caplog.messages == [f"input file {number}.csv: detected delimiter semicolon" for number in range(3)]


# What may be in a row of a small file, usual rows more often.
ROWS = (
    *[b"a film\t1"] * 40,
    *(b"", b"one value", b"a\tb\tc", b'"a film"\t1', b'"a ""good"" film"\t1', b'a "good" film\t1', b'"open\t1'),
    *("a caf\u00e9\t1".encode(), "\U0001f600\t1".encode(), b"caf\xe9\t1", b"\xff\xff\xff\xff\t1", b"\0\t1"),
    *(b"a\rb\t1", b"a\t1\r", b"a;b;c", b"a\x0bb\x0c\t1", b"a\0" * 2000, b"a" * 246 + b"ustar\t1"),
)
HEADERS = (
    *[b"text\tlabel\n"] * 8,
    *(b"label\ttext\n", b"text\n", b"\xef\xbb\xbftext\tlabel\n", b"sep=;\n", b"text;label\n"),
)


def small_file(random: Random, is_csv: bool) -> bytes:
    """A file of which most are alike, with any of ROWS."""
    rows = random.choices(ROWS[:40], k=random.choice((0, 1, 3, 10, 99, 100, 101, 150)))
    for _ in range(random.choice((0, 0, 0, 1, 2))):
        rows.insert(random.choice((0, random.randint(0, len(rows)))), random.choice(ROWS))
    for _ in range(random.choice((0, 0, 18, 19, 20, 21))):
        rows.insert(random.randint(0, len(rows)), b"one value")
    content = b"\n".join([*rows, *random.choice(([b""], [b""], [], [b"", b""]))])
    if is_csv != (random.random() < 0.05):
        content = content.replace(b"\t", b",").replace(b'"', random.choice((b'"', b"")))
        return random.choice(HEADERS).replace(b"\t", b",") + content
    return (random.choice(HEADERS) + content)[: random.choice((None, None, None, 5, 10, 11, 12))]


def all_layouts(files: list[SourceFile]) -> list[Layout | str]:
    """The layout of each of `files`, or what is wrong with it."""
    found: list[Layout | str] = []
    for file in files:
        try:
            found.append(layout(file))
        except UserError as error:
            found.append(str(error))
    return found


@pytest.mark.parametrize("seed", range(6))
def test_any_small_files_have_the_same_layouts_together_as_alone(
    written: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    random = Random(seed)
    for number in range(400):
        is_csv = number % 100 > 60
        written(f"in/{number:03}.{'csv' if is_csv else 'tsv'}", small_file(random, is_csv))
    files, _ = find(str(tmp_path / "in"))
    forget_layouts()
    alone = all_layouts(files)
    forget_layouts()
    for_themselves: list[SourceFile] = []

    def counted(file: SourceFile, head: bytes) -> Layout:
        for_themselves.append(file)
        return found_layout(file, head)

    monkeypatch.setattr(alike_files, "found_layout", counted)
    # Pieces of one to some tens of files.
    monkeypatch.setattr(alike_files, "PIECE_BYTES", random.choice((100, 2000, 20_000)))
    find_layouts(files)
    together = [kept(file) for file in files]
    assert [each or "none" for each in together] == [each if isinstance(each, Layout) else "none" for each in alone]
    assert len(for_themselves) == len(set(for_themselves))


def test_files_with_the_header_of_the_one_before_are_looked_at_together(
    written: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(50):
        written(f"in/{number:02}.tsv", "text\tlabel\n" + "a caf\u00e9\t1\n" * number + "b\t0" * (number % 2))
    written("in/20.tsv", 'text\tlabel\n"a"\t1\n')
    files, _ = find(str(tmp_path / "in"))
    forget_layouts()
    names: list[str] = []

    def named(file: SourceFile, head: bytes) -> Layout:
        names.append(file.name)
        return found_layout(file, head)

    monkeypatch.setattr(alike_files, "found_layout", named)
    find_layouts(files)
    # The first, and one that may be quoted.
    assert names == ["00.tsv", "20.tsv"]
    plain = [found.plain for found in all_layouts(files) if isinstance(found, Layout)]
    assert [(each.lines, each.ends_line) for each in plain if each] == [
        (2, True) if number == 20 else (number + 1 + number % 2, number % 2 == 0) for number in range(50)
    ]


def test_a_file_with_another_delimiter_than_its_suffix_says_is_no_example(written: Write, tmp_path: Path) -> None:
    written("in/0.csv", "text;la|bel\n" + "a|1\n" * 9)
    written("in/1.csv", "text;la|bel\n" + "a;b|1\n" * 9)
    files, _ = find(str(tmp_path / "in"))
    forget_layouts()
    find_layouts(files)
    assert [found.names for file in files if (found := kept(file))] == [("text;la", "bel"), ("text", "la|bel")]


@pytest.mark.parametrize("change", [b"text\tlabel\na\t1\nb\t1\n", b"text\tlabel\n", b"", b"x"])
def test_a_file_that_has_changed_since_it_was_listed_is_read_as_alone(
    written: Write, tmp_path: Path, change: bytes
) -> None:
    for number in range(3):
        written(f"in/{number}.tsv", "text\tlabel\na\t1\n")
    files, _ = find(str(tmp_path / "in"))
    (tmp_path / "in" / "1.tsv").write_bytes(change)
    forget_layouts()
    alone = all_layouts(files)
    forget_layouts()
    find_layouts(files)
    assert all_layouts(files) == alone
    changed = kept(files[1])
    # No more of it is read than there was, and of less nothing is known.
    assert (changed is not None and changed.plain is not None) == (len(change) > files[1].size)
