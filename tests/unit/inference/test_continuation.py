from __future__ import annotations

import json

from inference.continuation import BODY_NEEDED_HEADER, CURSOR_HEADER, FRAME_HEADER, KEY_HEADER, Parts, encode_part


def test_a_response_without_a_cursor_is_complete() -> None:
    parts = Parts(7)
    assert parts.headers() == [(KEY_HEADER, "7")]
    assert parts.body(b"all") == b"all"
    assert parts.add({"content-type": "text/csv"}, b"answer") == b"answer"


def test_parts_are_joined_in_the_order_of_the_records() -> None:
    parts = Parts(7)
    assert parts.add({CURSOR_HEADER: "0 1 0"}, encode_part([(1, "b")]).encode()) is None
    assert parts.headers() == [(KEY_HEADER, "7"), (CURSOR_HEADER, "0 1 0")]
    assert parts.body(b"all") == b""
    # The worker does not have the request any more: its body is sent once more, and what is predicted is kept.
    assert parts.add({CURSOR_HEADER: "0 1 0", BODY_NEEDED_HEADER: "1"}, b"") is None
    assert parts.body(b"all") == b"all"
    assert parts.add({CURSOR_HEADER: "0 2 0"}, encode_part([(10, "ü")]).encode()) is None
    assert parts.body(b"all") == b""
    frame = json.dumps(["[", ", ", "]"])
    assert parts.add({FRAME_HEADER: frame}, encode_part([(0, "a"), (2, "c")]).encode()) == "[a, b, c, ü]".encode()
