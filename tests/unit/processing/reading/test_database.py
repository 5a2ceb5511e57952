"""A user's SQL can read the input files only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from processing.reading.database import connected
from processing.sql import literal

Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def allowed(written: Write) -> Path:
    return written("it's allowed.csv", "a\n1\n")


@pytest.fixture
def connection(allowed: Path, tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with connected([allowed], tmp_path / "spill", 200_000_000, 1) as found:
        yield found


def test_an_input_file_is_read(connection: duckdb.DuckDBPyConnection, allowed: Path) -> None:
    assert connection.execute(f"SELECT * FROM read_csv({literal(str(allowed))})").fetchall() == [(1,)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('{folder}/secret.csv')",
        "SELECT * FROM read_text('/etc/hostname')",
        "COPY (SELECT 1) TO '{folder}/made.csv'",
        "ATTACH '{folder}/made.db'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET memory_limit = '1TB'",
    ],
)
def test_other_files_and_the_network_cannot_be_read(
    connection: duckdb.DuckDBPyConnection, written: Write, statement: str
) -> None:
    folder = written("secret.csv", "a\n1\n").parent
    with pytest.raises(duckdb.Error):
        connection.execute(statement.format(folder=folder)).fetchall()
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == ["it's allowed.csv", "secret.csv"]


def test_memory_limit_and_threads_are_set(connection: duckdb.DuckDBPyConnection) -> None:
    settings = "SELECT current_setting('threads'), current_setting('memory_limit')"
    assert connection.execute(settings).fetchone() == (1, "190.7 MiB")
