"""The envelope of a worker's response through multi-model-server: status, headers and body in one byte string.

Multi-model-server decodes a worker's message while it arrives. If the bytes read so far end in the
middle of a header or of a status, it treats the message as broken and drops the worker with all its
requests (readMap in CodecUtils.java and readInt in ModelResponseDecoder.java, version 1.1.11). So
workers send it no headers, and pad bodies to lengths with which no read ends within a status.

It reads pieces whose lengths are multiples of 16 bytes (netty's AdaptiveRecvByteBufAllocator, the
kernel's buffers). The first status is 70 bytes from the start of the message, and each next one is
60 bytes plus the length of the body further (create_predict_response in otf_message_handler.py).
With bodies of 16 n + 4 bytes every status is at the offsets 6 to 9 modulo 16, so never across 0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

MAGIC = b"\x00answer "
PIECE, REMAINDER = 16, 4


def pack(status: int, headers: Mapping[str, str], body: Any) -> bytes:
    """Encode one response as an envelope.

    Args:
        body: bytes, text, or a value that becomes JSON.

    Raises:
        TypeError: the value cannot be encoded as JSON.
    """
    head = MAGIC + json.dumps({"status": status, "headers": dict(headers)}).encode()
    content = as_bytes(body)
    padding = (REMAINDER - len(head) - 1 - len(content)) % PIECE
    return head + b" " * padding + b"\n" + content


def unpack(data: bytes) -> tuple[int, dict[str, str], bytes] | None:
    """Decode an envelope to status, headers and body; None for other data, such as multi-model-server's own errors."""
    if not data.startswith(MAGIC):
        return None
    head, _, content = data.partition(b"\n")
    fields = json.loads(head.removeprefix(MAGIC))
    return fields["status"], fields["headers"], content


def as_bytes(body: Any) -> bytes:
    """The body as bytes: bytes as they are, text as UTF-8, other values as JSON."""
    if isinstance(body, (bytes, bytearray)):
        return bytes(body)
    return (body if isinstance(body, str) else json.dumps(body)).encode("utf-8", "replace")
