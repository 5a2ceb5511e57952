"""Entry point of a worker process, `python -m inference.worker SOCKET FOLDER INDEX`: loads a model, answers requests.

The server starts it and talks to it over a Unix socket (inference/messages.py).
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import socket
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from mms.context import Context, RequestProcessor

from contract import logs, machine
from contract.failures import EXIT_BUG, EXIT_USER_ERROR, UserError, log_failure, reason
from contract.options import from_environment
from contract.processes import end_with_parent
from inference.messages import NO_MEMORY, NOTICE, Message
from inference.options import ServingOptions
from inference.worker.batch_handler import BatchHandler
from inference.worker.batch_request import BatchRequest
from inference.worker.handler import load
from inference.worker.inbox import Inbox


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Load the model, tell the server that it is ready, and answer requests until the server closes the socket.

    Args:
        arguments: file descriptor of the socket, the model's folder, and the number of this worker (from 0).
    """
    end_with_parent()
    logs.configure()
    inbox = Inbox(socket.socket(fileno=int(arguments[0])))
    gpus = len(machine.gpus("index"))
    gpu = int(arguments[2]) % gpus if gpus else None
    make_context = partial(Context, "model", arguments[1], {}, 1, gpu, "")
    try:
        options = from_environment(ServingOptions, environ)
        logs.configure(options.level_name)
        batch_handler = load(Path(arguments[1]), make_context(), options)
    except Exception as error:
        log_failure(error)
        inbox.send([Message(NOTICE, {"failure": NO_MEMORY if is_out_of_memory(error) else reason(error)})])
        sys.exit(EXIT_USER_ERROR if isinstance(error, UserError) else EXIT_BUG)
    answer(inbox, batch_handler, options, make_context)


def answer(
    inbox: Inbox, batch_handler: BatchHandler, options: ServingOptions, make_context: Callable[[], Context]
) -> None:
    """Answer requests until the server closes the socket."""
    inbox.open()
    inbox.send([Message(NOTICE, {"ready": True})])
    unfinished: deque[BatchRequest] = deque()
    while (batch := inbox.take(batch_handler.most_requests, options.batch_delay_ms / 1000, not unfinished)) is not None:
        # Long requests take turns, and new ones wait for none of them.
        turn = [unfinished.popleft() for _ in range(min(options.batch_size, len(unfinished)))]
        entries = [*turn, *(as_entry(message, make_context()) for message in batch)]
        with exit_after(options.response_timeout):
            batch_handler.advance(entries)
            # Without a response a notice says that this process is at work.
            inbox.send([response(entry) for entry in entries if entry.is_finished] or [Message(NOTICE, {})])
        unfinished.extend(entry for entry in entries if not entry.is_finished)


def as_entry(message: Message, context: Context) -> BatchRequest:
    """A request, with a context of its own."""
    context.request_ids = {0: message.fields["id"]}
    context.request_processor = [RequestProcessor(message.fields["headers"])]
    return BatchRequest(0, context, {"body": message.body}, number=message.number)


def response(entry: BatchRequest) -> Message:
    """The response to a finished request."""
    body, context = entry.finish(), entry.context
    fields = {"status": context.get_response_status(0)[0], "headers": context.get_response_headers(0)}
    return Message(entry.number, fields, body)


@contextlib.contextmanager
def exit_after(seconds: int) -> Iterator[None]:
    """Exit this process and log the stacks of its threads if the block takes more than `seconds`."""
    faulthandler.dump_traceback_later(seconds, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def is_out_of_memory(error: Exception) -> bool:
    """Whether `error` is Python's MemoryError or torch's OutOfMemoryError of a GPU."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


if __name__ == "__main__":
    main(sys.argv[1:], os.environ)
