"""Turns a JSON document (an array of objects, also within an object, or objects over several lines) into JSON Lines."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator

from contract.dialect_detection import SAMPLE_BYTES
from contract.encodings import UTF8
from contract.failures import UserError

SPACE = re.compile(r"[ \t\r\n]*")
# An object that begins with a list of objects, after scalar values: the rows are the list's.
STRING = r'"(?:[^"\\]|\\.)*"'
ARRAY = re.compile(r"\s*\[\s*\{")
WRAPPED = re.compile(rf'\s*{{\s*(?:{STRING}\s*:\s*(?:{STRING}|[^\s"\[{{,]+)\s*,\s*)*{STRING}\s*:\s*\[\s*{{')


def is_document(sample: str, is_whole: bool, says_lines: bool = False) -> bool:
    """Whether a file that begins with `sample` is one JSON document or several over many lines, not JSON Lines.

    Args:
        is_whole: whether `sample` is the whole file.
        says_lines: whether the file's name says that it is JSON Lines: then an object that is the only line is a row,
            also if it has a list of objects.
    """
    # Not str.splitlines, which also divides lines at characters that JSON strings hold.
    lines = [line for line in re.split(r"[\r\n]+", sample) if line.strip()]
    if not lines or lines[0].lstrip()[:1] not in ("[", "{"):
        return False
    if not is_json(lines[0]):
        # A line that is cut tells nothing, except that an array or a wrapped one begins.
        return (len(lines) > 1 and lines[0].strip() in ("[", "{")) or opens_rows(sample)
    return len(lines) == 1 and is_whole and bool(ARRAY.match(sample) if says_lines else opens_rows(sample))


def opens_rows(sample: str) -> bool:
    """Whether `sample` begins with an array of objects, or an object with such an array."""
    return bool(ARRAY.match(sample) or WRAPPED.match(sample))


def is_json(text: str) -> bool:
    """Whether `text` is valid JSON."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


class Document:
    """The values of a JSON document, one a line, as a stream; each is parsed to find its end and written as it is.

    Args:
        name: the file's name, for errors.
    """

    def __init__(self, blocks: Iterable[bytes], name: str) -> None:
        # Invalid bytes are kept, so that the row with them is rejected.
        decode = codecs.getincrementaldecoder(UTF8)("surrogateescape").decode
        self._texts = (decode(block) for block in blocks)
        self._name = name
        self._buffer, self._at, self._is_over, self._lines = "", 0, False, 1
        self._decoder = json.JSONDecoder()

    def lines(self) -> Iterator[bytes]:
        """Each object on a line of its own.

        Raises:
            UserError: the file is not valid JSON, or has more than one list of objects.
        """
        self._more(SAMPLE_BYTES)
        if WRAPPED.match(self._buffer):
            yield from self._wrapped()
            if self._peek():
                raise self._error("more than one object with a list of rows")
        while character := self._peek():
            if character == "[":
                yield from self._elements()
            else:
                yield self._value()

    def _wrapped(self) -> Iterator[bytes]:
        """The rows of the only list of objects in an object."""
        self._expect("{")
        lists = 0
        while self._peek() != "}":
            self._value()
            self._expect(":")
            self._peek()
            self._more(1024)
            if re.compile(r"\[\s*\{").match(self._buffer, self._at):
                lists += 1
                if lists > 1:
                    raise self._error("more than one list of rows")
                yield from self._elements()
            else:
                self._value()
            if self._peek() != ",":
                break
            self._expect(",")
        self._expect("}")

    def _elements(self) -> Iterator[bytes]:
        """The elements of an array."""
        self._expect("[")
        while self._peek() != "]":
            yield self._value()
            if self._peek() != ",":
                break
            self._expect(",")
        self._expect("]")

    def _value(self) -> bytes:
        """The next value as one line."""
        size = 1024 * 1024
        while True:
            try:
                _, end = self._decoder.raw_decode(self._buffer, self._at)
            except (ValueError, RecursionError) as error:
                if self._is_over or isinstance(error, RecursionError):
                    raise self._error("a value that is not JSON") from None
            else:
                # A number may go on.
                if end < len(self._buffer) or self._is_over:
                    break
            size = max(size, len(self._buffer) - self._at) * 2
            self._more(size)
        text = self._buffer[self._at : end]
        self._at = end
        # Within strings JSON has no raw line ends.
        line = text.replace("\r", " ").replace("\n", " ") if "\n" in text or "\r" in text else text
        self._lines += text.count("\n")
        return line.encode(UTF8, "surrogateescape") + b"\n"

    def _peek(self) -> str:
        """The next character that is not white space; empty at the end."""
        while True:
            match = SPACE.match(self._buffer, self._at)
            end = match.end() if match else self._at
            self._lines += self._buffer.count("\n", self._at, end)
            self._at = end
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if self._is_over:
                return ""
            self._more(1)

    def _expect(self, character: str) -> None:
        if self._peek() != character:
            raise self._error(f"no {character!r} where one is expected")
        self._at += 1

    def _more(self, size: int) -> None:
        """Read until `size` characters are ahead, or the file ends."""
        parts = [self._buffer[self._at :]] if self._at > 0 else [self._buffer]
        self._at = 0
        length = len(parts[0])
        while length < size and not self._is_over:
            text = next(self._texts, None)
            self._is_over = text is None
            parts.append(text or "")
            length += len(text or "")
        self._buffer = "".join(parts)

    def _error(self, what: str) -> UserError:
        return UserError(
            f"input file {self._name} has {what} (line {self._lines}); expected JSON Lines, or one array of objects"
        )
