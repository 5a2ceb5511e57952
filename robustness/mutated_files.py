"""Mutated tables for robustness/fuzz_files.py, and a count of their records apart from the image's."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import itertools
import json
import lzma
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from contract import encodings
from contract.dialect import Dialect, TextSettings
from contract.dialect_detection import SAMPLE_BYTES, detect

# A word in every text, which must be in no error.
MARK = "zanzibar"
WORDS = (
    MARK,
    "good",
    "bad",
    'a "quoted" word',
    "caf\u00e9",
    "one, two",
    "tab\tbed",
    "two\nlines",
    "",
    "\u201clong\u201d",
    '5"',
)
Options = dict[str, object]
Mutation = Callable[[bytes, random.Random, Options], bytes]
OPENERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress, ".bz2": bz2.decompress, ".xz": lzma.decompress,
}  # fmt: skip
PACKERS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


@dataclass(frozen=True)
class Mutated:
    """A mutated file.

    Attributes:
        number: its number.
        name: name of the file.
        content: its bytes.
        mutation: what was mutated.
        options: options of the job.
    """

    number: int
    name: str
    content: bytes
    mutation: str
    options: Mapping[str, object] = field(default_factory=dict)

    def records(self) -> int:
        """Number of records after the header, counted character by character."""
        suffix = "." + self.name.rsplit(".", 1)[1]
        data = OPENERS.get(suffix, bytes)(self.content)
        if ".jsonl" in self.name:
            encoding = encodings.detect(data, self.name, self.options.get("encoding"))  # type: ignore[arg-type]
            text = data.decode(encoding, errors="replace").removeprefix("\ufeff")
            return sum(bool(line) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
        settings = TextSettings(encoding=self.options.get("encoding"))  # type: ignore[arg-type]
        dialect = detect(data[:SAMPLE_BYTES], self.name, ".tsv" in self.name, settings)
        text = data.decode(dialect.encoding, errors="replace").removeprefix("\ufeff")
        if "\r" in text and "\n" not in text[: text.index("\r") + 2]:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        [header] = itertools.islice(csv.reader(io.StringIO(text, newline=""), delimiter=dialect.delimiter), 1) or [[]]
        return count(text, dialect, len(header)) - 1


def count(text: str, dialect: Dialect, columns: int) -> int:
    """Number of records of `text` that are not blank; a line whose quotes do not close is a record by itself."""
    lines = list(io.StringIO(text, newline="\n"))
    number, place = 0, 0
    while place < len(lines):
        if has_cr(lines[place], dialect, "start"):
            number += torn(lines[place], dialect, columns)
            place += 1
            continue
        used = max(length(lines, place, dialect), 1)
        number += bool("".join(lines[place : place + used]).strip("\r\n"))
        place += used
    return number


def has_cr(line: str, dialect: Dialect, state: str) -> bool:
    """Whether `line` has a CR before its end and outside quotes; `state` is that of a reader before it."""
    for character in line.removesuffix("\n").removesuffix("\r"):
        if character == "\r" and state != "inside":
            return True
        state = following(state, character, dialect)
    return False


def torn(line: str, dialect: Dialect, columns: int) -> int:
    """Number of records in a line with CR: those between them if each has all values, else the line is one."""
    parts = [part for part in line.removesuffix("\n").removesuffix("\r").split("\r") if part]
    whole = all(closes(part, dialect) and part.count(dialect.delimiter) == columns - 1 for part in parts)
    return len(parts) if whole else 1


def closes(part: str, dialect: Dialect) -> bool:
    """Whether all quotes of `part` close in it."""
    state = "start"
    for character in part:
        state = following(state, character, dialect)
        if state == "broken":
            return False
    return state != "inside"


def length(lines: Sequence[str], place: int, dialect: Dialect) -> int:
    """Number of lines of the record that begins at a line; 0 if its quotes do not close."""
    state = "start"
    for number in range(place, len(lines)):
        if number > place and has_cr(lines[number], dialect, state):
            return 0
        for character in lines[number]:
            state = following(state, character, dialect)
            if state == "broken":
                return 0
        if state != "inside":
            return number - place + 1
    return 1 if state != "inside" or place == len(lines) - 1 else 0


def following(state: str, character: str, dialect: Dialect) -> str:
    """The state of a reader after a character: start of a value, plain value, inside quotes, after a quote, broken."""
    quote, is_end = dialect.quote or None, character in (dialect.delimiter, "\n", "\r")
    if state == "inside":
        return "closed" if character == quote else "inside"
    if state == "closed" and character == quote:
        return "inside"
    if is_end:
        return "start"
    if state in ("closed", "after"):
        return "after" if character == " " else "broken"
    if state == "start":
        return "inside" if character == quote else "start" if character == " " else "plain"
    return state


# Files and their mutations


def mutated(number: int, pick: random.Random) -> Mutated:
    """File number `number`: a table in some format, with one kind of mutation."""
    rows = [[str(n), " ".join(pick.choices(WORDS, k=4)), str(n % 2)] for n in range(pick.randrange(3, 60))]
    kind = pick.choice(["csv", "csv", "tsv", "jsonl"])
    options: dict[str, object] = {}
    if kind == "csv" and pick.random() < 0.3:
        options["stray_quotes"] = "reject"
    mutation = pick.choice(list(MUTATIONS))
    content = MUTATIONS[mutation](written(kind, rows, pick), pick, options)
    suffix = pick.choice(["", "", "", *PACKERS])
    if suffix:
        # Also as several streams, one after another.
        cuts = sorted([0, *places(content, pick)] if pick.random() < 0.4 else [0])
        content = b"".join(PACKERS[suffix](content[a:b]) for a, b in itertools.pairwise([*cuts, len(content)]))
        if pick.random() < 0.2:
            mutation, content = "packed bytes", bytes_changed(content, pick, options)
    return Mutated(number, f"rows.{kind}{suffix}", content, mutation, options)


def written(kind: str, rows: list[list[str]], pick: random.Random) -> bytes:
    """The rows as a file; tsv as raw text without quotes, or as pandas writes it."""
    if kind == "jsonl":
        return "".join(
            json.dumps({"id": i, "text": text, "label": label}, ensure_ascii=False) + "\n" for i, text, label in rows
        ).encode()
    table = [["id", "text", "label"], *rows]
    if kind == "tsv" and pick.random() < 0.7:
        return "".join("\t".join(" ".join(value.split()) for value in row) + "\n" for row in table).encode()
    text = io.StringIO(newline="")
    delimiter = "\t" if kind == "tsv" else pick.choice(",,;|")
    quoting: Literal[0, 1] = pick.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=pick.choice(["\n", "\r\n"])).writerows(table)
    return text.getvalue().encode()


def places(content: bytes, pick: random.Random) -> list[int]:
    """Some places in the content, the last first."""
    return sorted(pick.sample(range(len(content) + 1), pick.randrange(1, 4)), reverse=True)


def inserted(values: Sequence[bytes]) -> Mutation:
    """A mutation that inserts some of `values` anywhere, or at starts of values."""

    def mutate(content: bytes, pick: random.Random, _: Options) -> bytes:
        for place in places(content, pick):
            if pick.random() < 0.5:
                place = max(content.rfind(mark, 0, place) for mark in (b"\n", b",", b"\t")) + 1
            content = content[:place] + pick.choice(values) + content[place:]
        return content

    return mutate


def unchanged(content: bytes, *_: object) -> bytes:
    """The content as it is."""
    return content


def bytes_changed(content: bytes, pick: random.Random, _: Options) -> bytes:
    """Some bytes replaced."""
    changed = bytearray(content)
    for _place in range(pick.randrange(1, 4)):
        changed[pick.randrange(len(changed))] = pick.randrange(256)
    return bytes(changed)


def truncated(content: bytes, pick: random.Random, _: Options) -> bytes:
    """The start of the content."""
    return content[: pick.randrange(len(content))]


def recoded(content: bytes, pick: random.Random, options: Options) -> bytes:
    """The content in another encoding, which an option names, a mark says, or nothing does."""
    encoding = pick.choice(["utf-16", "utf-8-sig", "cp1252", "latin-1", "cp1252"])
    if encoding in ("cp1252", "latin-1") and pick.random() < 0.7:
        options["encoding"] = encoding
    return content.decode().encode(encoding, errors="replace")


def other_ends(content: bytes, pick: random.Random, _: Options) -> bytes:
    """Line ends of one or of several kinds."""
    ends = pick.choice([[b"\r"], [b"\r\n"], [b"\n", b"\r\n"], [b"\n", b"\n", b"\r"], [b"\n\n", b"\n"], [b"\r\r\n"]])
    return b"".join(line.rstrip(b"\r\n") + pick.choice(ends) for line in content.splitlines(keepends=True))


MUTATIONS: dict[str, Mutation] = {
    "none": unchanged,
    "quotes": inserted([b'"', b'""', b'"""', b'",', b'"\n', b"'"]),
    "line ends": inserted([b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r\n"]),
    "other line ends": other_ends,
    "delimiters": inserted([b",", b"\t", b";", b"\\", b"\0"]),
    "bytes": bytes_changed,
    "encoding": recoded,
    "truncation": truncated,
}
