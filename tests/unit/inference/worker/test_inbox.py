from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from inference.messages import Decoder, Message
from inference.worker.inbox import Inbox

LONG = 30.0


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, Inbox]]:
    """The server's end of the socket, and the inbox at the other."""
    ours, its = socket.socketpair()
    inbox = Inbox(its)
    with its:
        thread = inbox.open()
        with ours:
            yield ours, inbox
        thread.join()


def send(server: socket.socket, *numbers: int) -> None:
    server.sendall(b"".join(Message(number, {}).encoded() for number in numbers))


def numbers(batch: list[Message] | None) -> list[int]:
    assert batch is not None
    return [message.number for message in batch]


def test_a_batch_has_at_most_the_configured_number_in_order(pair: tuple[socket.socket, Inbox]) -> None:
    server, inbox = pair
    send(server, 1, 2, 3)
    assert numbers(inbox.take(2, 0)) == [1, 2]
    assert numbers(inbox.take(2, 0)) == [3]


def test_a_single_caller_does_not_wait(pair: tuple[socket.socket, Inbox]) -> None:
    server, inbox = pair
    for number in (1, 2, 3):
        send(server, number)
        # It would wait for LONG seconds.
        assert numbers(inbox.take(32, LONG)) == [number]


def test_after_a_batch_of_several_the_next_one_waits_for_as_many(pair: tuple[socket.socket, Inbox]) -> None:
    server, inbox = pair
    send(server, 1, 2, 3)
    assert numbers(inbox.take(32, LONG)) == [1, 2, 3]
    send(server, 4)
    later = threading.Timer(0.2, send, (server, 5, 6))
    later.start()
    assert numbers(inbox.take(32, LONG)) == [4, 5, 6]
    later.join()
    send(server, 7)
    assert numbers(inbox.take(32, 0.01)) == [7]


def test_without_waiting_a_batch_may_be_empty(pair: tuple[socket.socket, Inbox]) -> None:
    _, inbox = pair
    assert inbox.take(32, LONG, wait=False) == []


def test_the_end_of_the_server_ends_the_batches(pair: tuple[socket.socket, Inbox]) -> None:
    server, inbox = pair
    send(server, 1)
    server.close()
    assert numbers(inbox.take(32, LONG)) == [1]
    assert inbox.take(32, LONG) is None
    assert inbox.take(32, LONG, wait=False) is None


def test_responses_reach_the_server(pair: tuple[socket.socket, Inbox]) -> None:
    server, inbox = pair
    inbox.send([Message(1, {"status": 200}, b"a"), Message(2, {"status": 400}, b"b")])
    assert [message.body for message in Decoder().feed(server.recv(1 << 16))] == [b"a", b"b"]
