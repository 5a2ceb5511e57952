"""Of an Arrow stream no row is left out without a word."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from contract.arrow_stream import is_file_format, refuse_part
from contract.failures import UserError

TABLE = pa.table({"text": [f"film {number}" for number in range(6)]})


def written(path: Path, legacy: bool = False) -> Path:
    """A stream with a batch for each row."""
    options = pa.ipc.IpcWriteOptions(use_legacy_format=legacy)
    with pa.ipc.new_stream(str(path), TABLE.schema, options=options) as writer:
        writer.write_table(TABLE, max_chunksize=1)
    return path


@pytest.mark.parametrize("legacy", [False, True])
def test_a_whole_stream_passes_and_every_part_of_it_is_refused(tmp_path: Path, legacy: bool) -> None:
    path = written(tmp_path / "a.arrow", legacy)
    refuse_part(path, "a")
    whole = path.read_bytes()
    lost = 0
    for end in range(1, len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises((UserError, pa.ArrowException, OSError)) as caught:
            refuse_part(path, "a")
        lost += isinstance(caught.value, UserError)
    # Ends between batches, for which pyarrow raises nothing.
    assert lost >= 6


@pytest.mark.parametrize("behind", [b"x", b"\0" * 8, b"stream"])
def test_bytes_behind_a_stream_are_refused(tmp_path: Path, behind: bytes) -> None:
    path = written(tmp_path / "a.arrow")
    behind = path.read_bytes() if behind == b"stream" else behind
    path.write_bytes(path.read_bytes() + behind)
    words = f"^file a has {len(behind):,} bytes behind its Arrow stream; expected one stream$"
    with pytest.raises(UserError, match=words):
        refuse_part(path, "a")


def test_the_file_format_is_told_apart(tmp_path: Path) -> None:
    assert not is_file_format(written(tmp_path / "a.arrow"))
    with pa.ipc.new_file(str(tmp_path / "b.arrow"), TABLE.schema) as writer:
        writer.write_table(TABLE)
    assert is_file_format(tmp_path / "b.arrow")
