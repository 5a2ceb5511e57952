"""Entry point of a worker process, `python -m inference.worker SOCKET FOLDER INDEX`, which the server starts."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from contract import machine
from inference.worker import handler
from inference.worker.inbox import Inbox


def main(arguments: Sequence[str]) -> None:
    """Load the model and answer requests until the server closes the socket.

    Args:
        arguments: file descriptor of the socket, the model's folder, and the number of this worker (from 0).
    """
    connection = socket.socket(fileno=int(arguments[0]))
    folder, index = Path(arguments[1]), int(arguments[2])
    gpus = len(machine.gpus("index"))
    handler.serve(Inbox(connection), folder, index % gpus if gpus else None, os.environ)


if __name__ == "__main__":
    main(sys.argv[1:])
