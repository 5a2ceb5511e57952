"""Checks that a file of Arrow's IPC streaming format is one whole stream.

https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from contract.failures import UserError

# What the file format begins with; its footer tells whether it is whole.
FILE_MAGIC = b"ARROW1"
# The end of a stream: the continuation marker, and the length of a message without bytes.
MARKER, NO_BYTES = b"\xff\xff\xff\xff", b"\0\0\0\0"


def is_file_format(path: Path) -> bool:
    """Whether an Arrow file is of the file format, rather than the streaming format."""
    with path.open("rb") as file:
        return file.read(len(FILE_MAGIC)) == FILE_MAGIC


def refuse_part(path: Path, name: str) -> None:
    """Check a file of the streaming format, whose `name` errors have.

    pyarrow takes the end of the file for that of the stream, as the format allows, and ignores what follows the stream;
    so of a file that its writer did not finish, or of two streams in one file, rows would be missing.

    Raises:
        UserError: the file ends within the stream or before its end-of-stream marker, or has bytes behind that.
        pyarrow.ArrowException, OSError: it is no stream.
    """
    with pa.memory_map(str(path)) as source:
        # Before version 0.15 of Arrow messages had no continuation marker.
        marker = MARKER + NO_BYTES if source.read(len(MARKER)) == MARKER else NO_BYTES
        source.seek(0)
        messages, last = pa.ipc.MessageReader.open_stream(source), 0
        with suppress(StopIteration):
            while True:
                messages.read_next_message()
                last = source.tell()
        end, size = source.tell(), source.size()
    # Without a marker nothing is read behind the last message.
    if end - last != len(marker):
        raise UserError(f"file {name} ends before Arrow's end-of-stream marker; expected a complete file")
    if end < size:
        raise UserError(f"file {name} has {size - end:,} bytes behind its Arrow stream; expected one stream")
