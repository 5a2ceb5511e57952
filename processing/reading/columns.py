"""Chooses the columns that the job reads (text, label, group, split, kept ones), by options or by their usual names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.reading.source import SourceFile


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

    @property
    def all(self) -> tuple[str, ...]:
        """The names of all columns."""
        return (*filter(None, (self.text, self.label, self.group, self.split)), *self.kept)


def choose(options: ProcessingOptions, file: SourceFile, columns: Mapping[str, str]) -> ChosenColumns:
    """Choose text, label, group and kept columns of `file` by `options` or the default names.

    Raises:
        UserError: the file lacks one of them.
    """
    text = label = None
    if options.text_expression is None:
        text = named(options.text_column, ("review_body", "text"), "--text-column", file, columns)
    if not options.unlabelled and options.positive_where is None and options.label_expression is None:
        label = named(options.label_column, ("star_rating", "label"), "--label-column", file, columns)
    group = named(options.group_by, (), "--group-by", file, columns) if options.group_by else None
    kept = tuple(named(name, (), "--columns", file, columns) for name in options.columns)
    split = named(options.split_column, (), "--split-column", file, columns) if options.split_column else None
    return ChosenColumns(text, label, group, kept, split)


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
            return name
    expected = " or ".join(candidates)
    raise UserError(f"input file {file.name} has no column {expected} ({option}); its columns are {', '.join(columns)}")
