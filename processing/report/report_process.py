"""ReportProcess: a process that renders report.html, and finds what card.json says of the tokenizer and libraries.

It starts before the job's own imports. To import jinja2, to compile the templates and to parse the tokenizer takes
0.15 s, for which a thread would compete for Python's global interpreter lock (GIL) with those that tokenize.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from logging import getLogger
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Self

from contract.failures import UserError
from contract.machine import threads
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


class ReportProcess:
    """The process, which gets and answers lines of JSON; use it as a context manager.

    Without a process, or after it has ended early, the caller's process does the same.

    Args:
        process: with pipes as stdin and stdout; None for no process.
    """

    def __init__(self, process: subprocess.Popen[bytes] | None = None) -> None:
        self._process = process
        self._has_begun = False
        self._origin: Origin | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        if self._process is not None:
            end(self._process)

    def begin(self, tokenizer: Path) -> None:
        """Let the process compute what `origin` returns for the job's tokenizer.json, unless it has begun to."""
        if not self._has_begun:
            self._has_begun = True
            # The process has another current folder.
            self._send(str(tokenizer.resolve()))

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
        if self._process is None:
            return
        try:
            write_line(pipe(self._process.stdin), value)
        except OSError:
            self._give_up(self._process)

    def _receive(self) -> Any:
        """The answer to what was sent; None if there is no process."""
        if self._process is None:
            return None
        line = pipe(self._process.stdout).readline()
        if line.endswith(b"\n"):
            return json.loads(line)
        self._give_up(self._process)
        return None

    def _give_up(self, process: subprocess.Popen[bytes]) -> None:
        self._process = None
        end(process)
        log.warning(
            "the process that renders report.html has ended early with exit status %d: this one does it",
            process.returncode,
        )


def started(tokenizer: str | None = None) -> ReportProcess:
    """One with a process; without one on a single core, and where the system starts none.

    Args:
        tokenizer: --tokenizer. A file or folder, which need not be downloaded, is read at once.
    """
    if threads() == 1:
        return ReportProcess()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Where it fails, this process does the same again, and reports the error.
            stderr=subprocess.DEVNULL,
            # Where Python finds this package.
            cwd=Path(__file__).resolve().parents[2],
        )
    except OSError as error:
        log.warning("no process can be started that renders report.html (%s): this one does it", error.strerror)
        return ReportProcess()
    found = ReportProcess(process)
    if tokenizer is not None and Path(tokenizer).exists():
        # The job reports the error, after those of other options.
        with suppress(UserError):
            found.begin(locate(tokenizer))
    return found


def end(process: subprocess.Popen[bytes]) -> None:
    """End `process`, if it has not ended by itself, and close its pipes."""
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        # What a pipe to an ended process still holds cannot be written.
        with suppress(OSError):
            pipe(stream).close()


def pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """The pipe `stream` of a process; raises ValueError if it was started without."""
    if stream is None:
        raise ValueError("expected a process with pipes as stdin and stdout")
    return stream


def write_line(stream: IO[bytes], value: Any) -> None:
    """Write `value` as a line of JSON, in which any mapping is an object."""
    stream.write(json.dumps(value, default=dict).encode() + b"\n")
    stream.flush()


def origin(tokenizer: Path) -> Origin:
    """As ReportProcess.origin, in this process."""
    return Origin(fingerprint(tokenizer), versions(LIBRARIES))


def page(content: Mapping[str, Any]) -> str:
    """The text of report.html; `content` are the arguments of html_report.page."""
    # Imported late: only one of the two processes needs it.
    from processing.report import html_report

    return html_report.page(**content)


def main() -> None:
    """Entry point of the process: answers the path of a tokenizer.json with its Origin, and `page`'s content with it.

    The page is the last answer. Without it, the process ends with the end of its stdin.
    """
    from processing.report import html_report

    html_report.compile_templates()
    for line in sys.stdin.buffer:
        value = json.loads(line)
        is_path = isinstance(value, str)
        write_line(sys.stdout.buffer, origin(Path(value)) if is_path else page(value))
        if not is_path:
            return


if __name__ == "__main__":
    main()
