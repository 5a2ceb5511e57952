"""The format in which a worker's response passes through multi-model-server: status, headers and body in one.

Multi-model-server decodes what a worker sends as it arrives, and takes a message that it has read
up to the middle of a header, or of a status, for a broken one: it drops the worker with all its
requests (readMap in CodecUtils.java and readInt in ModelResponseDecoder.java, version 1.1.11). So
workers send it no headers, and bodies of such lengths that it never stops within a status.

It reads pieces whose lengths are multiples of 16 bytes (netty's AdaptiveRecvByteBufAllocator, the
kernel's buffers). In the message, statuses follow each other at a distance of 60 bytes and the
body; the first is 70 bytes from the start (create_predict_response in otf_message_handler.py). With
bodies of 16 n + 4 bytes every status lies at 6 to 9, counted modulo 16, clear of 0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

MAGIC = b"\x00answer "
PIECE, REMAINDER = 16, 4


def pack(status: int, headers: Mapping[str, str], body: Any) -> bytes:
    """The envelope of one response.

    Args:
        body: bytes, text, or a value that becomes JSON.

    Raises:
        TypeError: the value has no JSON.
    """
    head = MAGIC + json.dumps({"status": status, "headers": dict(headers)}).encode()
    content = as_bytes(body)
    padding = (REMAINDER - len(head) - 1 - len(content)) % PIECE
    return head + b" " * padding + b"\n" + content


def unpack(data: bytes) -> tuple[int, dict[str, str], bytes] | None:
    """Status, headers and body of what `pack` made; None for anything else, such as the server's own errors."""
    if not data.startswith(MAGIC):
        return None
    head, _, content = data.partition(b"\n")
    found = json.loads(head.removeprefix(MAGIC))
    return found["status"], found["headers"], content


def as_bytes(body: Any) -> bytes:
    if isinstance(body, (bytes, bytearray)):
        return bytes(body)
    return (body if isinstance(body, str) else json.dumps(body)).encode("utf-8", "replace")
