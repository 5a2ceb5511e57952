"""Chooses the columns that the job reads (texts, label, group, split), by options or by usual names (stars, ...)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contract.failures import UserError
from contract.options import closest
from processing.options import ProcessingOptions
from processing.reading.source import SourceFile
from processing.rows.filters import Outcome

# Options that name columns which are read as text, and the SQL types that are no text.
TEXT_OPTIONS = ("--text-column", "--text-pair-column", "--label-column", "--group-by")
NESTED = re.compile(r"\]$|^(?:STRUCT|MAP|UNION|LIST)\b|^JSON$")
# Lists of what may be labels.
LABEL_LIST = re.compile(r"^(?:VARCHAR|BOOLEAN|FLOAT|DOUBLE|U?[A-Z]*INT(?:EGER)?|JSON|ENUM\(.*\))\[\d*\]$", re.DOTALL)
# What the names of the query's own columns begin with.
OWN = "hf_"
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

    `text` is None for --text-expression, `pair` for rows of one text, `label` for --label-expression,
    --positive-where and --unlabelled; `has_lists` says that `label` has a list of labels in each row.
    """

    text: str | None
    label: str | None
    group: str | None
    kept: tuple[str, ...]
    split: str | None = None
    flags: tuple[str, ...] = ()
    pair: str | None = None
    has_lists: bool = False

    @property
    def all(self) -> tuple[str, ...]:
        """The names of all columns."""
        return (*filter(None, (self.text, self.pair, self.label, self.group, self.split)), *self.flags, *self.kept)

    def at_fault(self, outcome: Outcome) -> str | None:
        """The name of the column for whose value a row is rejected with `outcome`; None if its line is no row."""
        if outcome is Outcome.NOT_JSON:
            return None
        if outcome in (Outcome.NOT_UTF8, Outcome.NOT_TEXT):
            return " or ".join(filter(None, (self.text, self.pair)))
        return self.split if outcome is Outcome.NO_SPLIT else self.label


def choose(options: ProcessingOptions, file: SourceFile, columns: Mapping[str, str]) -> ChosenColumns:
    """Choose text, label, group and kept columns of `file` by `options` or the default names.

    Raises:
        UserError: the file lacks one of them.
    """
    text = label = None
    if options.text_expression is None:
        text = named(options.text_column, ("review_body", "text"), "--text-column", file, columns)
    pair = None
    if options.text_pair_column is not None:
        pair = named(options.text_pair_column, (), "--text-pair-column", file, columns)
        if pair == text:
            raise UserError(f"options --text-column and --text-pair-column are both {pair}, expected two columns")
    flags = tuple(named(name, (), "--label-columns", file, columns) for name in options.label_columns)
    if not (options.unlabelled or flags) and options.positive_where is None and options.label_expression is None:
        label = named(options.label_column, ("star_rating", "label", "labels"), "--label-column", file, columns)
    group = named(options.group_by, (), "--group-by", file, columns) if options.group_by else None
    kept = tuple(named(name, (), "--columns", file, columns) for name in options.columns)
    split = named(options.split_column, (), "--split-column", file, columns) if options.split_column else None
    has_lists = label is not None and bool(LABEL_LIST.search(columns[label]))
    return ChosenColumns(text, label, group, kept, split, flags, pair, has_lists)


def named(
    name: str | None, defaults: tuple[str, ...], option: str, file: SourceFile, columns: Mapping[str, str]
) -> str:
    """The column `name` if it is set, else the first of `defaults` that the file has.

    Raises:
        UserError: the file has no such column.
    """
    candidates = defaults if name is None else (name,)
    for candidate in candidates:
        if candidate in columns:
            kind = columns[candidate]
            is_label_list = option == "--label-column" and LABEL_LIST.search(kind)
            if option in TEXT_OPTIONS and NESTED.search(kind) and not is_label_list:
                raise UserError(
                    f"input file {file.name} has lists or objects ({kind}) in column {candidate} ({option}), expected "
                    f"text or numbers{', or lists of them' if option == '--label-column' else ''}"
                )
            return candidate
    # A name that is almost the one in the option is no value of a file without a header.
    near = None if name is None else closest(name, list(columns))
    found = described(file, list(columns)) if near is None else f"did you mean {near!r}?"
    raise UserError(f"input file {file.name} has no column {' or '.join(candidates)} ({option}); {found}")


def refuse_same_names(file: SourceFile, names: Sequence[str]) -> None:
    """Raises UserError: two columns of `file` have the same name, as DuckDB compares names."""
    folded = [name.lower() for name in names]
    if len(set(folded)) == len(folded):
        return
    for index, name in enumerate(folded):
        if name in folded[:index]:
            raise UserError(
                f"input file {file.name} has the same column name twice, regardless of case (columns "
                f"{folded.index(name) + 1} and {index + 1}), expected different names"
            )


def refuse_own_names(file: SourceFile, names: Sequence[str], options: Sequence[str]) -> None:
    """Raises UserError: one of the `names` that the SQL of `options` uses is like those of the query's own columns."""
    own = next((name for name in names if name.lower().startswith(OWN)), None)
    if own is not None:
        raise UserError(
            f"input file {file.name} has the column {own}, and names that begin with {OWN} are those of the job's own "
            f"columns in SQL; expected another name in {' and '.join(options)}"
        )


def described(file: SourceFile, names: Sequence[str]) -> str:
    """The columns of a file, for an error. Without a header the first row would be taken for it, and is not shown."""
    if file.format == "jsonl" and not names:
        return "its first rows have no JSON object with keys; expected one object a line, or an array of objects"
    if file.format not in ("csv", "tsv") or not file.settings.has_header:
        return f"its columns are {', '.join(names)}"
    usual = [name for name in names if name.lower() in USUAL_NAMES]
    shown = f", of which {', '.join(usual)} are known names" if usual else ""
    return (
        f"its first line has {len(names)} values{shown}; expected the names of the columns there, or option "
        "--no-header with --column-names"
    )
