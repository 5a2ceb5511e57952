"""Chooses the columns that the job reads (text, label, group, split), by options or by usual names (stars, ...)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.reading.source import SourceFile

# Options that name columns which are read as text, and the SQL types that are no text.
TEXT_OPTIONS = ("--text-column", "--label-column", "--group-by")
NESTED = re.compile(r"\]$|^(?:STRUCT|MAP|UNION|LIST)\b|^JSON$")
# Names of columns that an error about a missing one shows; any other may be a value of a file without a header.
USUAL_NAMES = (
    *(
        "id",
        "index",
        "text",
        "review",
        "reviews",
        "review_body",
        "review_text",
        "body",
        "content",
        "message",
        "comment",
    ),
    *("sentence", "title", "headline", "summary", "tweet", "document", "description", "question", "answer", "label"),
    *("labels", "class", "category", "sentiment", "target", "rating", "ratings", "star_rating", "stars", "score"),
    *("feedback", "date", "user", "user_id", "product_id"),
)


@dataclass(frozen=True)
class ChosenColumns:
    """The columns that the job reads.

    `text` is None for --text-expression, `label` for --label-expression, --positive-where and --unlabelled.
    """

    text: str | None
    label: str | None
    group: str | None
    kept: tuple[str, ...]
    split: str | None = None
    flags: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """The names of all columns."""
        return (*filter(None, (self.text, self.label, self.group, self.split)), *self.flags, *self.kept)


def choose(options: ProcessingOptions, file: SourceFile, columns: Mapping[str, str]) -> ChosenColumns:
    """Choose text, label, group and kept columns of `file` by `options` or the default names.

    Raises:
        UserError: the file lacks one of them.
    """
    text = label = None
    if options.text_expression is None:
        text = named(options.text_column, ("review_body", "text"), "--text-column", file, columns)
    flags = tuple(named(name, (), "--label-columns", file, columns) for name in options.label_columns)
    if not (options.unlabelled or flags) and options.positive_where is None and options.label_expression is None:
        label = named(options.label_column, ("star_rating", "label"), "--label-column", file, columns)
    group = named(options.group_by, (), "--group-by", file, columns) if options.group_by else None
    kept = tuple(named(name, (), "--columns", file, columns) for name in options.columns)
    split = named(options.split_column, (), "--split-column", file, columns) if options.split_column else None
    return ChosenColumns(text, label, group, kept, split, flags)


def named(
    name: str | None, defaults: tuple[str, ...], option: str, file: SourceFile, columns: Mapping[str, str]
) -> str:
    """The column `name` if it is set, else the first of `defaults` that the file has.

    Raises:
        UserError: the file has no such column.
    """
    candidates = defaults if name is None else (name,)
    for name in candidates:
        if name in columns:
            if option in TEXT_OPTIONS and NESTED.search(columns[name]):
                raise UserError(
                    f"input file {file.name} has lists or objects ({columns[name]}) in column {name} ({option}), "
                    "expected text or numbers"
                )
            return name
    expected = " or ".join(candidates)
    raise UserError(f"input file {file.name} has no column {expected} ({option}); {described(file, list(columns))}")


def described(file: SourceFile, names: Sequence[str]) -> str:
    """The columns of a file, for an error. Without a header the first row would be taken for it, and is not shown."""
    if file.format not in ("csv", "tsv"):
        return f"its columns are {', '.join(names)}"
    usual = [name for name in names if name.lower() in USUAL_NAMES]
    shown = f", of which {', '.join(usual)} are known names" if usual else ""
    return (
        f"its first line has {len(names)} values{shown}; expected the names of the columns there, or option "
        "--no-header with --column-names"
    )
