from __future__ import annotations

import gzip
import zlib

import pytest

from inference.errors import RequestError
from inference.server.content_encoding import decompress

BODY = b'{"inputs": "good"}' * 9
# Without the time, which would be part of the names of the tests.
GZIP = gzip.compress(BODY, mtime=0)
RAW = zlib.compressobj(wbits=-zlib.MAX_WBITS)
DEFLATE = RAW.compress(BODY) + RAW.flush()


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("gzip", GZIP),
        ("X-GZIP", GZIP),
        ("gzip", gzip.compress(BODY[:20], mtime=0) + gzip.compress(BODY[20:], mtime=0) + b"\0" * 9),
        ("deflate", zlib.compress(BODY)),
        ("deflate", DEFLATE),
        ("deflate, gzip", gzip.compress(DEFLATE, mtime=0)),
        ("identity", BODY),
        ("", BODY),
    ],
)
def test_a_body_is_decompressed_whole(header: str, body: bytes) -> None:
    assert decompress(body, header, len(BODY)) == BODY


@pytest.mark.parametrize(
    ("header", "body", "status"),
    [
        ("gzip", GZIP[:-9], 400),
        ("gzip", GZIP[:-8] + b"12345678", 400),
        ("gzip", BODY, 400),
        ("deflate", DEFLATE[:-1], 400),
        ("deflate", BODY, 400),
        ("deflate", b"", 400),
        ("br", GZIP, 415),
        ("gzip", gzip.compress(BODY + b"x", mtime=0), 413),
        ("deflate", zlib.compress(BODY + b"x"), 413),
    ],
)
def test_a_body_that_cannot_be_decompressed_whole_is_4xx(header: str, body: bytes, status: int) -> None:
    with pytest.raises(RequestError) as caught:
        decompress(body, header, len(BODY))
    assert caught.value.status == status
