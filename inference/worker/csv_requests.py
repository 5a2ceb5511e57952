"""Decodes text/csv request bodies: one record per row, header detection."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from inference.errors import bad_request
from inference.worker.request import Request, Text, clean

# A first row that contains one of these names is a header.
TEXT_COLUMNS = ("text", "inputs", "review_body")
PAIR_COLUMN = "text_pair"
# The csv module's own limit, 131,072 characters, is less than some texts; a body is at most 2 GiB.
MOST_CELL = 2**31 - 1


@dataclass(frozen=True)
class Header:
    """The header of a CSV body: index of the text column, and of the text_pair column if there is one; its columns."""

    text: int
    pair: int | None
    columns: int

    @classmethod
    def find(cls, row: list[str]) -> Header | None:
        """Parse `row` as a header; None if it is a record."""
        names = [name.strip().lower() for name in row]
        text = next((names.index(name) for name in TEXT_COLUMNS if name in names), None)
        if text is None:
            return None
        return cls(text, names.index(PAIR_COLUMN) if PAIR_COLUMN in names else None, len(names))

    def read(self, row: list[str], number: int) -> Text:
        """The record in `row`, which is row `number` of the body.

        Raises:
            RequestError: 400, the row has fewer columns than are read or more than the header, or a text_pair without
                a text.
        """
        if max(self.text, self.pair or 0) >= len(row):
            raise bad_request(f"number of columns: {len(row)} in row {number}, {self.columns} in the header")
        if len(row) > self.columns:
            # A text with commas that is not quoted: what is in its column is a part of it.
            raise bad_request(
                f"number of columns: {len(row)} in row {number}, {self.columns} in the header "
                "(quote a text that holds commas)"
            )
        text, pair = clean(row[self.text]), clean(row[self.pair]) if self.pair is not None else ""
        # An empty cell is a missing text: CSV has no null.
        if pair and not text:
            raise bad_request(f"row {number} has a {PAIR_COLUMN} and no text, expected both")
        return Text(text, pair or None)


def decode_csv(text: str) -> Request:
    """Decode a CSV body: one record per row; with several columns a header must name them.

    Raises:
        RequestError: 400, the body is not CSV, or a row has too few or too many columns.
    """
    csv.field_size_limit(MOST_CELL)
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise bad_request(f"the body is not CSV: {error}") from None
    header = Header.find(rows[0]) if rows else None
    if header is None:
        return Request([Text(clean(only_cell(row, number))) for number, row in enumerate(rows, 1)])
    return Request([header.read(row, number) for number, row in enumerate(rows[1:], 2)])


def only_cell(row: list[str], number: int) -> str:
    """The value of a row with one column.

    Raises:
        RequestError: 400, the row has several.
    """
    if len(row) != 1:
        raise bad_request(
            f"row {number} has {len(row)} columns, expected 1 (quote a text that holds commas), "
            f"or a header with one of {', '.join(TEXT_COLUMNS)}; of pairs with text and text_pair"
        )
    return row[0]
