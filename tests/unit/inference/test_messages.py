from __future__ import annotations

import pytest

from inference.messages import Decoder, Message

MESSAGES = [
    Message(0, {"ready": True}),
    Message(1, {"id": "a", "headers": {"x": "caf\u00e9"}}, b"\x00body\n"),
    Message(2**32 - 1, {}, b"x" * 1000),
]
STREAM = b"".join(message.encoded() for message in MESSAGES)


@pytest.mark.parametrize("size", [1, 3, 12, 100, len(STREAM)])
def test_messages_come_out_of_a_stream_in_pieces_of_any_size(size: int) -> None:
    decoder = Decoder()
    pieces = [STREAM[start : start + size] for start in range(0, len(STREAM), size)]
    assert [message for piece in pieces for message in decoder.feed(piece)] == MESSAGES


def test_a_message_is_complete_only_with_its_last_byte() -> None:
    decoder = Decoder()
    assert list(decoder.feed(MESSAGES[1].encoded()[:-1])) == []
    assert list(decoder.feed(MESSAGES[1].encoded()[-1:] + MESSAGES[0].encoded())) == [MESSAGES[1], MESSAGES[0]]
