"""Messages between the server and a worker process over a Unix socket: a number, fields as JSON, and a body.

A message is a header of three unsigned 32-bit integers in network byte order (number, bytes of the
fields, bytes of the body), then the fields as JSON in UTF-8, then the body. A request and its
response have the same number; messages with the number NOTICE are a worker's own: that it is ready,
or why its model cannot load.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

NOTICE = 0
# First words of a failure that is caused by too little memory.
NO_MEMORY = "no memory for the model"
HEADER = struct.Struct("!III")
# Largest fields or body, as the header's integers hold.
MOST_BYTES = 2**32 - 1


class Message(NamedTuple):
    """One message.

    Attributes:
        number: of the request and of its response; NOTICE for a worker's own messages.
        fields: of a request `id` and `headers`, of a response `status` and `headers`, of a notice `ready` or `failure`.
        body: the body of the request or of the response.
    """

    number: int
    fields: Mapping[str, Any]
    body: bytes = b""

    def encoded(self) -> bytes:
        """The message as bytes.

        Raises:
            ValueError: fields or body are larger than MOST_BYTES.
        """
        fields = json.dumps(self.fields).encode()
        if max(len(fields), len(self.body)) > MOST_BYTES:
            raise ValueError(f"a message has {len(self.body):,} bytes, expected at most {MOST_BYTES:,}")
        return HEADER.pack(self.number, len(fields), len(self.body)) + fields + self.body


class Decoder:
    """Cuts the bytes of a stream into messages."""

    def __init__(self) -> None:
        self._received = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are complete with `data`, in order."""
        self._received += data
        start = 0
        try:
            while (message := self._message(start)) is not None:
                start = message[1]
                yield message[0]
        finally:
            del self._received[:start]

    def _message(self, start: int) -> tuple[Message, int] | None:
        """The message that begins at `start`, and where it ends; None if it is not complete."""
        if len(self._received) < start + HEADER.size:
            return None
        number, fields, body = HEADER.unpack_from(self._received, start)
        middle = start + HEADER.size + fields
        if len(self._received) < middle + body:
            return None
        content = json.loads(self._received[start + HEADER.size : middle])
        return Message(number, content, bytes(self._received[middle : middle + body])), middle + body
