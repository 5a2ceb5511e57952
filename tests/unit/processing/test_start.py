"""What a job refuses before it reads a row."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from contract.failures import UserError
from contract.hosts import Hosts
from contract.paths import Paths
from processing.options import ProcessingOptions
from processing.start import check_sharded, start


def test_a_tokenizer_must_be_given(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="^option --tokenizer is not given; expected a folder"):
        start(ProcessingOptions(), Paths(tmp_path))


def test_an_input_without_files_is_named(tmp_path: Path, wordpiece: Path) -> None:
    with pytest.raises(UserError, match=f"^input {tmp_path} holds no file$"):
        start(ProcessingOptions(tokenizer=str(wordpiece), input=str(tmp_path)), Paths(tmp_path / "ml"))


def test_files_that_are_not_read_are_named(
    tmp_path: Path, wordpiece: Path, written: Callable[[str, str], Path], caplog: pytest.LogCaptureFixture
) -> None:
    written("input/rows.csv", "text,label\na,1\n")
    written("input/readme.doc", "hello")
    written("input/empty.csv", "")
    with caplog.at_level(logging.INFO):
        job = start(ProcessingOptions(tokenizer=str(wordpiece), input=str(tmp_path / "input")), Paths(tmp_path / "ml"))
    assert [file.name for file in job.files] == ["rows.csv"]
    assert "2 files that are empty or of no known format" in caplog.text
    assert "empty.csv" in caplog.text and "readme.doc" in caplog.text


def test_hosts_that_see_their_own_files_alone_cannot_cut_to_size() -> None:
    hosts = Hosts("algo-1", ("algo-1", "algo-2"))
    with pytest.raises(UserError, match="^option --max-rows 10 is given, but input is sharded over 2 hosts"):
        check_sharded(ProcessingOptions(max_rows=10), hosts)
    with pytest.raises(UserError, match="^option --balance is given, but input is sharded over 2 hosts"):
        check_sharded(ProcessingOptions(balance=True), hosts)


def test_duplicates_on_other_hosts_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    check_sharded(ProcessingOptions(drop_duplicates=True), Hosts("algo-1", ("algo-1", "algo-2")))
    assert "duplicates on different hosts stay" in caplog.text
