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
from processing.reading.layout import layout, text_settings
from processing.reading.source import SourceFile

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
