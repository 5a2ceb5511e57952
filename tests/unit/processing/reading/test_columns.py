"""The columns that the job reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.reading.columns import ChosenColumns, choose
from processing.reading.source import SourceFile

FILE = SourceFile(Path("/data/rows.tsv"), "rows.tsv", "tsv")
COLUMNS = dict.fromkeys(("id", "review_body", "text", "star_rating", "label"), "VARCHAR")


def options(**values: Any) -> ProcessingOptions:
    return ProcessingOptions(**values)


def test_columns_are_found_by_their_usual_names() -> None:
    assert choose(options(), FILE, COLUMNS) == ChosenColumns("review_body", "star_rating", None, ())
    assert choose(options(), FILE, {"text": "VARCHAR", "label": "VARCHAR"}) == ChosenColumns("text", "label", None, ())


def test_columns_are_those_that_the_options_name() -> None:
    given = options(text_column="text", label_column="label", group_by="id", columns=("star_rating",))
    assert choose(given, FILE, COLUMNS) == ChosenColumns("text", "label", "id", ("star_rating",))
    assert choose(given, FILE, COLUMNS).all == ("text", "label", "id", "star_rating")


@pytest.mark.parametrize(
    "given", [{"unlabelled": True}, {"positive_where": "stars > 3"}, {"label_expression": "stars"}]
)
def test_no_label_column_is_read_with_positive_where_or_unlabelled(given: dict[str, Any]) -> None:
    assert choose(options(**given), FILE, {"text": "VARCHAR"}).label is None


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"text_column": "body"}, "body \\(--text-column\\)"),
        ({"label_column": "stars"}, "stars \\(--label-column\\)"),
        ({"split_column": "part"}, "part \\(--split-column\\)"),
        ({"group_by": "user"}, "user \\(--group-by\\)"),
        ({"columns": ("user",)}, "user \\(--columns\\)"),
    ],
)
def test_a_missing_column_is_named_with_its_option(given: dict[str, Any], option: str) -> None:
    with pytest.raises(
        UserError, match=f"^input file rows.tsv has no column {option}; its first line has \\d values, of which id, "
    ):
        choose(options(**given), FILE, COLUMNS)


def test_a_name_that_is_almost_one_of_the_file_gets_that() -> None:
    with pytest.raises(UserError, match=r"no column review_bdy \(--text-column\); did you mean 'review_body'\?$"):
        choose(options(text_column="review_bdy"), FILE, COLUMNS)


def test_json_without_objects_is_refused_with_what_is_expected() -> None:
    file = SourceFile(Path("/data/rows.json"), "rows.json", "jsonl")
    with pytest.raises(
        UserError, match=r"no JSON object with keys; expected one object a line, or an array of objects$"
    ):
        choose(options(), file, {})
    with pytest.raises(UserError, match="its columns are body$"):
        choose(options(), file, {"body": "VARCHAR"})
