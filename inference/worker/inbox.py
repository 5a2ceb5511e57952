"""Inbox: the requests that the server has sent and that no batch has taken yet, and the way back of their responses."""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Iterable

from inference.messages import Decoder, Message

RECEIVED_BYTES = 1 << 18


class Inbox:
    """Receives requests in a thread, so that they arrive while a batch is computed.

    Args:
        connection: the worker's end of the socket.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._waiting: deque[Message] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._last = 0

    def open(self) -> threading.Thread:
        """Start to receive requests, in a thread that ends when the server closes the socket; returns the thread."""
        thread = threading.Thread(target=self._receive, name="inbox", daemon=True)
        thread.start()
        return thread

    def take(self, most: int, delay: float, wait: bool = True) -> list[Message] | None:
        """The next batch: the requests that are there, at most `most`.

        Where the last batch had more requests than are there now, its callers are likely to send their next
        ones at once: it waits up to `delay` seconds for as many. A single caller never waits.

        Args:
            wait: whether to wait for a request; else the batch may be empty.

        Returns:
            The requests; None once the server has closed the socket and none is left.
        """
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                expected = min(most, self._last)
                if len(self._waiting) < expected:
                    self._changed.wait_for(lambda: len(self._waiting) >= expected or self._closed, delay)
            if self._closed and not self._waiting:
                return None
            batch = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
            self._last = len(batch)
            return batch

    def send(self, messages: Iterable[Message]) -> None:
        """Send responses or a notice to the server."""
        self._connection.sendall(b"".join(message.encoded() for message in messages))

    def _receive(self) -> None:
        decoder = Decoder()
        while data := self._connection.recv(RECEIVED_BYTES):
            messages = list(decoder.feed(data))
            if messages:
                with self._changed:
                    self._waiting.extend(messages)
                    self._changed.notify()
        with self._changed:
            self._closed = True
            self._changed.notify()
