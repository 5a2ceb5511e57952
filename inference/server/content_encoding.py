"""Decompresses request bodies by their Content-Encoding: gzip and deflate, whole or not at all.

aiohttp's own decompression is turned off: it takes a gzip body that is cut off for a whole one, reads only the first
member of several, and answers other encodings in plain text.
"""

from __future__ import annotations

import gzip
import io
import zlib
from http import HTTPStatus

from inference.errors import RequestError, bad_request, too_large

GZIP, DEFLATE = ("gzip", "x-gzip"), ("deflate",)
# Low four bits of the first byte of zlib's format (RFC 1950); without it deflate is raw, as some clients send it.
ZLIB_METHOD = 8


def decompress(body: bytes, header: str, most: int) -> bytes:
    """The body without the encodings in `header`, the last of which was applied last (RFC 9110, 8.4).

    Args:
        most: largest decompressed body in bytes.

    Raises:
        RequestError: 415 for another encoding than gzip and deflate; 413 for a larger body; 400 if `body` is cut off or
            is not of its encoding.
    """
    for name in reversed([name.strip().lower() for name in header.split(",")]):
        if name in ("", "identity"):
            continue
        if name not in GZIP + DEFLATE:
            raise RequestError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the content-encoding is not supported, expected gzip or deflate"
            )
        body = without(name, body, most)
    return body


def without(name: str, body: bytes, most: int) -> bytes:
    """The body without the encoding `name`.

    Raises:
        RequestError: 413 or 400, as above.
    """
    try:
        # One byte more than allowed, to notice a larger body without decompressing it.
        content = read_gzip(body, most + 1) if name in GZIP else read_deflate(body, most + 1)
    except (OSError, EOFError, zlib.error):
        raise bad_request("the body cannot be decoded by its content-encoding") from None
    if len(content) > most:
        raise too_large(most)
    return content


def read_gzip(body: bytes, most: int) -> bytes:
    """The first `most` bytes of all members of a gzip body."""
    with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
        return file.read(most)


def read_deflate(body: bytes, most: int) -> bytes:
    """The first `most` bytes of a deflate body, in zlib's format or raw.

    Raises:
        EOFError: it is cut off.
    """
    decompressor = zlib.decompressobj(zlib.MAX_WBITS if body[:1] and body[0] & 15 == ZLIB_METHOD else -zlib.MAX_WBITS)
    content = decompressor.decompress(body, most)
    if len(content) < most and not decompressor.eof:
        raise EOFError
    return content
