"""Generates invalid and malicious HTTP requests from a seed."""

from __future__ import annotations

import gzip
import itertools
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

METHODS = ("GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "PROPFIND")
TYPES = (
    *("application/json", "application/json; charset=utf-8", "application/json;charset=UTF-16", "APPLICATION/JSON"),
    *("application/jsonlines", "application/x-jsonlines", "text/csv", "text/csv; header=present", "text/plain"),
    *("text/plain; charset=latin-1", "text/plain; charset=nonsense", "application/xml", "image/png", "a", "/", ";"),
    *("application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=x", "multipart/;"),
    *("application/x-npy", "application/octet-stream", "", " ", "json", "application/json, text/csv"),
)
ACCEPTS = (
    *("*/*", "application/json", "application/jsonlines", "text/csv", "text/html,*/*;q=0.1", "text/*", "image/png"),
    *("", ",", ";q=1", "application/json;q=0", "a/b/c", "application/json; charset=utf-16"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1e308, float("nan"), float("inf"), 10**400, "", " ", "\0", "\ud800", "\udfff\ud800"),
    *("good film", "x" * 5_000, "\u2028\u2029\x85", "\U0001f600" * 50, "a\r\nb", [], {}, [[]], [None], {"text": 3}),
    *({"text": "good", "text_pair": "bad"}, {"inputs": {"inputs": "deep"}}, ["a", 1], ["good", {"text": "b"}]),
)
PARAMETERS = ("top_k", "function_to_apply", "truncation", "max_length", "padding", "return_all_scores", "nonsense")
# Longest line in bytes that the server's HTTP parser accepts; a longer one gets status 400.
LINE = 8_190


@dataclass(frozen=True)
class Case:
    """One request, or several over one connection.

    Attributes:
        name: kind of the request.
        pieces: bytes to send, with a pause between the pieces.
        responses: number of responses that must come; 0 if the client disconnects or the HTTP is invalid.
        disconnects: whether the client closes the connection without waiting for a response.
        method: HTTP method; the response to HEAD has no body.
    """

    name: str
    pieces: tuple[bytes, ...]
    responses: int = 1
    disconnects: bool = False
    method: str = "POST"


def make(seed: int) -> Case:
    """The case of a seed; the same seed gives the same case."""
    source = random.Random(seed)
    return source.choice(KINDS)(source)


def message(
    body: bytes,
    headers: Mapping[str, str | bytes] | None = None,
    method: str = "POST",
    target: str = "/invocations",
    version: str = "1.1",
) -> bytes:
    """The bytes of an HTTP request; `headers` are added to the usual ones or replace them."""
    usual: dict[str, str | bytes] = {"Host": "localhost", "Content-Length": str(len(body))}
    lines = [f"{method} {target} HTTP/{version}".encode("utf-8", "surrogateescape")]
    for name, value in (usual | dict(headers or {})).items():
        lines.append(name.encode() + b": " + (value if isinstance(value, bytes) else value.encode()))
    return b"\r\n".join([*lines, b"", body])


def bodies(source: random.Random) -> bytes:
    """A random body: JSON with wrong values, deeply nested JSON, truncated JSON, text, random bytes."""
    kind = source.randrange(8)
    if kind < 3:
        content = {"inputs": source.choice(VALUES)}
        if source.random() < 0.5:
            content["parameters"] = {source.choice(PARAMETERS): source.choice(VALUES)}
        return json.dumps(content, ensure_ascii=source.random() < 0.5).encode("utf-8", "surrogatepass")
    if kind == 3:
        return json.dumps(source.choice(VALUES)).encode("utf-8", "surrogatepass")
    if kind == 4:
        opening, depth = source.choice(["[", '{"inputs":', '{"a":[']), source.choice([50, 5_000, 100_000])
        return (opening * depth).encode()
    if kind == 5:
        return source.randbytes(source.choice([0, 1, 7, 300, 20_000]))
    if kind == 6:
        whole = json.dumps({"inputs": ["good film", "bad"] * source.randrange(1, 400)}).encode()
        return whole[: source.randrange(len(whole) + 1)]
    text = source.choice(['text,label\n"a,b",1\n', '"open\nquote', "a,b\n1", "good\r\nbad\r\n", "\n\n\n", "\ufeffgood"])
    return text.encode(source.choice(["utf-8", "utf-16", "latin-1"]), "replace")


def any_body(source: random.Random) -> Case:
    """A random body with random Content-Type and Accept headers."""
    headers = {"Content-Type": source.choice(TYPES), "Accept": source.choice(ACCEPTS)}
    kept = {name: value for name, value in headers.items() if source.random() < 0.8}
    return Case("body", (message(bodies(source), kept),))


def any_json(source: random.Random) -> Case:
    """A random body with the content type application/json."""
    return Case("json", (message(bodies(source), {"Content-Type": "application/json"}),))


def too_large(source: random.Random) -> Case:
    """A request above the limit of bytes or of texts, with the limits of robustness/served.py."""
    body = json.dumps({"inputs": source.choice([["a"] * 3_000, "x" * 3_000_000])}).encode()
    return Case("too large", (message(body),))


def encoded(source: random.Random) -> Case:
    """A compressed body, a truncated one, or one that is not compressed, with a Content-Encoding header."""
    plain = source.choice([b'{"inputs": "good film"}', b"0" * 10_000_000, bodies(source)])
    packed = gzip.compress(plain, 1)
    body = source.choice([packed, packed[: len(packed) // 2], plain[:1_000]])
    name = source.choice(["gzip", "deflate", "br", "zstd", "identity", "nonsense", "gzip, gzip"])
    return Case("content-encoding", (message(body, {"Content-Encoding": name}),))


def other_route(source: random.Random) -> Case:
    """Another method or path."""
    method = source.choice((*METHODS, "POST"))
    target = source.choice(
        [
            *("/ping", "/invocations", "/", "/models", "/models/a/invoke", "/invocations/", "/invocations?x=%00", "*"),
            *("/../etc/passwd", "/%2e%2e/%2f", "/invocations;a=b", "//invocations", "/predictions/model-1"),
            "/" + "a" * source.choice([100, 4_000, LINE - 20]),
        ]
    )
    return Case("route", (message(b"", method=method, target=target),), method=method)


def odd_headers(source: random.Random) -> Case:
    """Headers that are long, many, or not ASCII."""
    headers: dict[str, str | bytes] = {"Content-Type": "application/json"}
    kind = source.randrange(4)
    if kind == 0:
        headers["X-Long"] = "x" * source.choice([1_000, 5_000, 8_000])
    elif kind == 1:
        headers |= {f"X-Many-{index}": "y" * source.randrange(60) for index in range(source.choice([20, 90]))}
    elif kind == 2:
        headers["X-Bytes"] = bytes(source.randrange(128, 256) for _ in range(20))
    else:
        name = source.choice(
            ["Accept", "X-Amzn-SageMaker-Target-Model", "X-Amzn-SageMaker-Custom-Attributes", "Cookie"]
        )
        headers[name] = source.choice(["", ",,,", "\t", "caf\u00e9", "a" * 2_000, "../../x", "q=" * 30])
    return Case("headers", (message(b'{"inputs": "good film"}', headers),))


def slow(source: random.Random) -> Case:
    """A request sent in pieces, or with chunked transfer encoding."""
    body = bodies(source)[:2_000]
    if source.random() < 0.5:
        whole = message(body)
        cuts = sorted(source.randrange(len(whole)) for _ in range(3))
        edges = [0, *cuts, len(whole)]
        return Case("slow", tuple(whole[start:end] for start, end in itertools.pairwise(edges)))
    head = b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    size = source.choice([1, 10, 500])
    parts = [body[start : start + size] for start in range(0, min(len(body), 100 * size), size)]
    return Case("chunked", (head, *(b"%x\r\n%b\r\n" % (len(part), part) for part in parts[:20]), b"0\r\n\r\n"))


def pipelined(source: random.Random) -> Case:
    """Several requests at once over one connection (HTTP pipelining)."""
    count = source.randrange(2, 8)
    return Case("pipelined", (b"".join(message(bodies(source)) for _ in range(count)),), responses=count)


def disconnected(source: random.Random) -> Case:
    """A client that disconnects in the middle of its request, or before the response."""
    whole = message(json.dumps({"inputs": ["good film"] * 200}).encode())
    end = source.choice([source.randrange(1, len(whole)), len(whole)])
    return Case("disconnected", (whole[:end],), responses=0, disconnects=True)


def invalid_http(source: random.Random) -> Case:
    """Invalid HTTP: the response is 400, or the connection is closed."""
    lines = [
        *(b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"POST /invocations HTTP/9.9\r\n\r\n", b"\r\n\r\n\r\n"),
        *(b"POST /invocations HTTP/1.1\r\nContent-Length: -1\r\n\r\n", source.randbytes(200) + b"\r\n\r\n"),
        *(b"POST /invocations HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",),
        *(b"POST /invocations HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",),
        *(b"POST /invocations HTTP/1.1\r\n no: name\r\n\r\n", b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n"),
        *(b"POST /invocations HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",),
    ]
    return Case("invalid HTTP", (source.choice(lines),), responses=0)


def expectation(source: random.Random) -> Case:
    """A request with Expect: 100-continue, or with an unknown expectation."""
    headers = {"Expect": source.choice(["100-continue", "nonsense"]), "Content-Type": "application/json"}
    return Case("expect", (message(b'{"inputs": "good film"}', headers),))


KINDS: tuple[Callable[[random.Random], Case], ...] = (
    *(any_body, any_body, any_json, any_json, encoded, other_route, odd_headers, slow),
    *(pipelined, disconnected, invalid_http, expectation, too_large),
)
