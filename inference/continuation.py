"""How a long request is answered in parts, so that others are answered in between: headers, parts, and their joining.

A worker of multi-model-server answers a whole batch at once, and takes the next one only then. So a worker predicts
only a part of a long request, and returns it with a cursor. The front sends the request again, with the cursor and
without its body, which puts it behind those that wait; at the end it joins the parts. A worker keeps the requests
that it has begun. If it no longer has one, or another worker gets the cursor, it asks for the body once more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

# From the front: the number of the request; without it a worker answers a request as a whole.
KEY_HEADER = "x-serving-key"
# From a worker: the request is not finished. From the front, unchanged: where to go on.
CURSOR_HEADER = "x-serving-cursor"
# From a worker: it has not kept the request, and needs its body.
BODY_NEEDED_HEADER = "x-serving-body-needed"
# From a worker, with the last of several parts: JSON list of what stands before, between and after the records.
FRAME_HEADER = "x-serving-frame"
HEADERS = (KEY_HEADER, CURSOR_HEADER, BODY_NEEDED_HEADER, FRAME_HEADER)

Part = Sequence[tuple[int, str]]


def encode_part(part: Part) -> str:
    """A part as the body of a response: index in the request and encoded prediction of each record."""
    return json.dumps(list(part), ensure_ascii=False)


@dataclass
class Parts:
    """The parts of one request that the front has received.

    Attributes:
        key: number of the request, of no other one in the lifetime of a worker.
    """

    key: int
    _cursor: str | None = None
    _body_needed: bool = True
    _records: dict[int, str] = field(default_factory=dict)

    def headers(self) -> list[tuple[str, str]]:
        """Headers of the next request to a worker."""
        cursor = [] if self._cursor is None else [(CURSOR_HEADER, self._cursor)]
        return [(KEY_HEADER, str(self.key)), *cursor]

    def body(self, whole: bytes) -> bytes:
        """Body of the next request to a worker: `whole` if it is needed."""
        return whole if self._body_needed else b""

    def add(self, headers: Mapping[str, str], body: bytes) -> bytes | None:
        """Take a worker's response; returns the body of the whole response, None if it is not complete yet."""
        if CURSOR_HEADER not in headers and FRAME_HEADER not in headers:
            return body
        self._body_needed = BODY_NEEDED_HEADER in headers
        if not self._body_needed:
            self._records.update((index, text) for index, text in json.loads(body))
        if FRAME_HEADER in headers:
            before, between, after = json.loads(headers[FRAME_HEADER])
            return f"{before}{between.join(text for _, text in sorted(self._records.items()))}{after}".encode()
        self._cursor = headers[CURSOR_HEADER]
        return None
