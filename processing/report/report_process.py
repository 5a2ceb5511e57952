"""ReportProcess: a process that renders report.html, and finds what card.json says of the tokenizer and libraries.

It starts before the job's own imports. To import jinja2, to compile the templates and to parse the tokenizer takes
0.15 s, for which a thread would compete for Python's global interpreter lock (GIL) with those that tokenize.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from logging import getLogger
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from contract.failures import UserError
from contract.machine import threads
from contract.processes import start_connected
from contract.tokenizer import fingerprint, locate
from contract.versions import versions

if TYPE_CHECKING:
    from processing.report.row_samples import RowSample

LIBRARIES = ("duckdb", "pyarrow", "tokenizers", "nanotoken", "tokie", "numpy")

log = getLogger(__name__)


class Origin(NamedTuple):
    """What card.json says of the tokenizer and libraries.

    Attributes:
        fingerprint: of the tokenizer.json, as contract.tokenizer computes it.
        versions: of the image, of Python and of LIBRARIES.
    """

    fingerprint: str
    versions: dict[str, str]


class Process:
    """A process that is sent lines of JSON, and answers each with one, over a socket.

    Its stdin and stdout are not used: what other code prints, such as a sitecustomize module, is no answer.

    Raises:
        OSError: the system cannot start it.
    """

    def __init__(self) -> None:
        # Where it fails, the first process does the same again, and reports the error.
        self._process, self._socket = start_connected(__name__, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._answers = self._socket.makefile("rb")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def send(self, value: Any) -> bool:
        """Send `value`; returns whether the process has not ended."""
        return sent(self._socket, value)

    def receive(self) -> Any:
        """The answer to what was sent; None if the process has ended instead."""
        try:
            line = self._answers.readline()
        except OSError:
            return None
        return json.loads(line) if line.endswith(b"\n") else None

    def end(self) -> int:
        """End the process, if it has not ended by itself; returns its exit status."""
        self._process.kill()
        status = self._process.wait()
        self._answers.close()
        self._socket.close()
        return status


class ReportProcess:
    """What the process is asked for, or this one does without it or once it has ended early; a context manager.

    Args:
        process: None for no process.
    """

    def __init__(self, process: Process | None = None) -> None:
        self._process = process
        self._has_begun = False
        self._origin: Origin | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        if self._process is not None:
            self._process.end()

    def begin(self, tokenizer: Path) -> None:
        """Let the process compute what `origin` returns for the job's tokenizer.json, unless it has begun to."""
        if not self._has_begun:
            self._has_begun = True
            # The process has another current folder, and may find modules elsewhere.
            places = [str(Path(place).absolute()) for place in sys.path]
            self._send({"tokenizer": str(tokenizer.absolute()), "places": places})

    def origin(self, tokenizer: Path) -> Origin:
        """What card.json says of the job's tokenizer.json and of libraries; raises UserError as `fingerprint`."""
        self.begin(tokenizer)
        if self._origin is None:
            answer = self._receive()
            self._origin = origin(tokenizer) if answer is None else Origin(*answer)
        return self._origin

    def page(
        self, report: Mapping[str, Any], label_names: Sequence[str], row_samples: Mapping[str, Sequence[RowSample]]
    ) -> str:
        """The text of report.html, as html_report.page; the process ends after it."""
        content = {"report": report, "label_names": label_names, "row_samples": row_samples}
        self._send(content)
        answer = self._receive()
        return page(content) if answer is None else str(answer)

    def _send(self, value: Any) -> None:
        if self._process is not None and not self._process.send(value):
            self._give_up(self._process)

    def _receive(self) -> Any:
        """The answer to what was sent; None if there is no process."""
        if self._process is None:
            return None
        answer = self._process.receive()
        if answer is None:
            self._give_up(self._process)
        return answer

    def _give_up(self, process: Process) -> None:
        self._process = None
        log.warning(
            "the process that renders report.html has ended early with exit status %d: this one does it", process.end()
        )


def started(tokenizer: str | None = None) -> ReportProcess:
    """One with a process; without one on a single core, and where the system starts none.

    Args:
        tokenizer: --tokenizer. A file or folder, which need not be downloaded, is read at once.
    """
    if threads() == 1:
        return ReportProcess()
    try:
        found = ReportProcess(Process())
    except OSError as error:
        log.warning("no process can be started that renders report.html (%s): this one does it", error.strerror)
        return ReportProcess()
    # The job reports the error, after those of other options.
    with suppress(UserError, OSError, ValueError):
        if tokenizer is not None and Path(tokenizer).exists():
            found.begin(locate(tokenizer))
    return found


def sent(connection: socket.socket, value: Any) -> bool:
    """Send `value` as a line of JSON, in which any mapping is an object; returns whether the other side is there."""
    line = json.dumps(value, default=dict).encode() + b"\n"
    try:
        # Without a signal, also where a program that calls this has changed what SIGPIPE does.
        connection.sendall(line, socket.MSG_NOSIGNAL)
    except OSError:
        return False
    return True


def origin(tokenizer: Path) -> Origin:
    """As ReportProcess.origin, in this process."""
    return Origin(fingerprint(tokenizer), versions(LIBRARIES))


def page(content: Mapping[str, Any]) -> str:
    """The text of report.html; `content` are the arguments of html_report.page."""
    # Imported late: only one of the two processes needs it.
    from processing.report import html_report

    return html_report.page(**content)


def main() -> None:
    """Entry point of the process; its argument is the file descriptor of the socket.

    It answers the path of a tokenizer.json with its Origin, then `page`'s content with it. It ends after the page, and
    where the other side closes the socket.
    """
    from processing.report import html_report

    html_report.compile_templates()
    with socket.socket(fileno=int(sys.argv[1])) as connection, connection.makefile("rb") as lines:
        for line in lines:
            value = json.loads(line)
            if "tokenizer" not in value:
                sent(connection, page(value))
                return
            sys.path[:] = value["places"]
            sent(connection, origin(Path(value["tokenizer"])))


if __name__ == "__main__":
    main()
