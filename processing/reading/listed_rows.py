"""Rows that rejects.jsonl and conflicts.jsonl list, with their files and line numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from processing.reading.line_numbers import lines_of_rows
from processing.reading.rejects import Reject
from processing.rows.filters import REJECTED

if TYPE_CHECKING:
    from processing.reading.reader import FileReader


def rejects(reader: FileReader) -> Iterator[Reject]:
    """The rejected rows with their line numbers; lines that could not be parsed first."""
    faults = by_file(reader, reader.faults)
    for file, member in enumerate(reader.file.members):
        lines = lines_of_broken(reader, file)
        for line, broken in zip(lines, reader.broken[file], strict=True):
            if reader.is_own(broken):
                yield Reject(member.name, line, broken.column, broken.reason, broken.value)
        for stray in reader.strays[file]:
            yield Reject(member.name, stray.line, None, stray.reason, stray.value)
        if file in faults:
            numbers = lines_of_rows(member, faults[file], lines)
            for own_row, row in faults[file].items():
                outcome, value = reader.faults[row]
                column = reader.plan.chosen.at_fault(outcome)
                yield Reject(member.name, numbers[own_row], column, REJECTED[outcome], value)


def conflict_lines(reader: FileReader, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The lines of conflicts.jsonl of this host's rows of the file; `names` are the class names."""
    found = by_file(reader, (conflict.row for conflict in reader.conflicts))
    places = {
        row: (reader.file.members[file], line)
        for file, rows in found.items()
        for row, line in numbered_rows(reader, file, rows)
    }
    for conflict in reader.conflicts:
        file, line = places[conflict.row]
        place = {"group": conflict.group, "file": file.name, "line": line}
        yield {**place, "label": names[conflict.number], "kept": conflict.kept}


def by_file(reader: FileReader, rows: Iterable[int]) -> dict[int, dict[int, int]]:
    """Some `rows` by file: their indices, by those in the file."""
    found: dict[int, dict[int, int]] = {}
    for row in rows:
        file, own = reader.place(row)
        found.setdefault(file, {})[own] = row
    return found


def numbered_rows(reader: FileReader, file: int, rows: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """The line number of each of `rows` of file number `file`, given by their indices in it."""
    lines = lines_of_rows(reader.file.members[file], rows, lines_of_broken(reader, file))
    for own, row in rows.items():
        yield row, lines[own]


def lines_of_broken(reader: FileReader, file: int) -> list[int]:
    """The line numbers of the lines of file number `file` that DuckDB could not parse."""
    if reader.source is None or not reader.broken[file]:
        return []
    return reader.source.lines_at(file, [line.byte for line in reader.broken[file]])
