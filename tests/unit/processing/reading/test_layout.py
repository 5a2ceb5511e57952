"""Headers, and options about text files."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from unit.processing.jobs import as_parquet

from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.reading.layout import Layout, find_layouts, forget_layouts, layout, text_settings
from processing.reading.source import SourceFile, find

Write = Callable[[str, str | bytes], Path]


def names(write: Write, content: str | bytes, **options: Any) -> tuple[str, ...]:
    settings = text_settings(ProcessingOptions(**options))
    return layout(SourceFile(write("a.csv", content), "a.csv", "csv", settings=settings)).names


def test_a_column_without_a_name_is_named_as_pandas_does(written: Write) -> None:
    assert names(written, ",text,label\n0,a,1\n") == ("Unnamed: 0", "text", "label")


def test_a_tar_archive_is_refused(written: Write) -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.csv"))
    with pytest.raises(UserError, match="^input file a.csv is a tar archive; expected the files in it$"):
        names(written, content.getvalue())


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (gzip.compress(b"text,label\n", mtime=0), "gzip"),
        (lzma.compress(b"text,label\n"), "xz"),
        (bytes(pa.compress(b"text,label\n", "zstd", asbytes=True)), "zstd"),
        (as_parquet([["1", "a film", "1"]]), "parquet"),
    ],
    ids=["gzip", "xz", "zstd", "parquet"],
)
def test_data_of_another_kind_is_named(written: Write, content: bytes, kind: str) -> None:
    with pytest.raises(
        UserError, match=f"^input file a.csv has {kind} data where its name says text; expected another"
    ):
        names(written, content)


def test_a_file_without_a_header_has_numbered_columns_or_those_of_the_option(written: Write) -> None:
    assert names(written, '"3","a, b"\n', no_header=True) == ("column1", "column2")
    assert names(written, '"3","a, b"\n', no_header=True, column_names=("label", "text")) == ("label", "text")
    assert names(written, "x,y\n1,2\n", column_names=("label", "text")) == ("label", "text")


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        ("secret,Secret\n", {}, "has the same column name twice, regardless of case .columns 1 and 2."),
        ("\n", {}, "is empty"),
        ("\n\nsecret,label\n", {}, "input file a.csv has a blank first line, expected a first line with column names"),
        (",\nsecret,label\n", {}, "has a blank first line"),
        ("secret,2\n", {"column_names": ("a",)}, "--column-names has 1 names, but input file a.csv has 2 columns"),
        ("secret\n", {"column_names": ("a", "A")}, "--column-names is a, A, expected different"),
        ("secret\n", {"delimiter": "ab"}, "--delimiter is 'ab'"),
        ("secret\n", {"encoding": "base64"}, "--encoding is 'base64'"),
    ],
)
def test_what_cannot_be_read_is_refused_without_values(
    written: Write, content: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError, match=words) as caught:
        names(written, content, **options)
    assert "ecret" not in str(caught.value)


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
