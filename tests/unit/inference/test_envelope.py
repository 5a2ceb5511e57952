from __future__ import annotations

import random
import struct
from typing import Any

import pytest
from mms.context import Context, RequestProcessor
from mms.protocol.otf_message_handler import create_predict_response

from inference.envelope import PIECE, pack, unpack


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("caf\u00e9\n{}", "caf\u00e9\n{}".encode()),
        (b"\x00\xff\n", b"\x00\xff\n"),
        ([{"a": 1}], b'[{"a": 1}]'),
        ("\ud800", b"?"),
        ("", b""),
    ],
)
def test_an_envelope_round_trips(body: Any, expected: bytes) -> None:
    assert unpack(pack(418, {"content-type": "text/csv"}, body)) == (418, {"content-type": "text/csv"}, expected)


def test_multi_model_servers_own_errors_are_not_envelopes() -> None:
    assert unpack(b'{"code": 500, "type": "InternalServerException", "message": "Worker died."}') is None


def test_a_value_that_json_cannot_encode_is_refused() -> None:
    with pytest.raises(TypeError):
        pack(200, {}, {1, 2})


def statuses(message: bytes) -> list[int]:
    """Offsets of the statuses in a message, parsed as multi-model-server does."""

    def skip(start: int) -> int:
        return start + 4 + int(struct.unpack_from("!i", message, start)[0])

    found, position = [], skip(4)
    while struct.unpack_from("!i", message, position)[0] != -1:
        position = skip(skip(position))
        found.append(position)
        phrase_end = skip(position + 4)
        # No headers: a read that ends within them would break the message.
        assert struct.unpack_from("!i", message, phrase_end)[0] == 0
        position = skip(phrase_end + 4)
    return found


def test_no_read_of_the_server_ends_within_a_status() -> None:
    source = random.Random(3)
    bodies = [pack(200, {"content-type": "text/csv"}, "x" * source.randrange(300)) for _ in range(64)]
    context = Context("model", "", None, len(bodies), None, "")
    context.request_processor = [RequestProcessor({}) for _ in bodies]
    identifiers = dict.fromkeys(range(len(bodies)), "0" * 36)
    message = bytes(create_predict_response(bodies, identifiers, "Prediction success", 200, context=context))
    positions = statuses(message)
    assert len(positions) == len(bodies)
    # A read that ends at the first byte of a status, or within it, would break the message.
    assert all((position + byte) % PIECE for position in positions for byte in range(4))
