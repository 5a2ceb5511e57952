"""The user's SQL over columns of text: what each row's comparison gives, whatever the other rows hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest
from unit.processing.jobs import Write, rows, run

from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.rows.conditions import check_syntax, conditions, over_text, used_columns
from processing.rows.split import SPLITS

VALUES = ["4.4", "4", "05", "9007199254740993", "x", "", None, "nan", " 5 "]


def results(condition: str, values: Sequence[str | None]) -> list[bool | None]:
    query = f"SELECT {over_text(condition, frozenset({'s'}))} FROM (SELECT CAST(unnest(?) AS VARCHAR) AS s)"
    return [value for (value,) in duckdb.execute(query, [list(values)]).fetchall()]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("s > 4", [True, False, True, True, None, None, None, None, True]),
        ("4 < s -- numbers only", [True, False, True, True, None, None, None, None, True]),
        ("S = 5", [False, False, True, False, None, None, None, None, True]),
        ("s IN (4.4, 5)", [True, False, True, False, None, None, None, None, True]),
        ("s BETWEEN 4 AND 5", [True, True, True, False, None, None, None, None, True]),
        ("s > 9007199254740992", [False, False, False, True, None, None, None, None, False]),
        ("s <> '5'", [True, True, True, True, True, True, None, True, True]),
        ("s = '05'", [False, False, True, False, False, False, None, False, False]),
        ("NOT (s > 4 OR s = 4)", [False, False, False, False, None, None, None, None, False]),
        ("TRY_CAST(s AS DOUBLE) + 1 > 5.2", [True, False, True, True, None, None, None, True, True]),
    ],
)
def test_a_comparison_follows_the_value_of_each_row(condition: str, expected: list[bool | None]) -> None:
    assert results(condition, VALUES) == expected


def test_text_is_true_or_false_where_a_condition_is_expected() -> None:
    assert results("s", ["true", "FALSE", "maybe"]) == [True, False, None]
    assert results("NOT s AND s = false", ["true", "FALSE", "maybe"]) == [False, True, None]


def test_a_key_of_json_in_a_text_column_can_be_named() -> None:
    values = ['{"a": {"b": 3}}', '{"a": 1}', "no json"]
    assert results("s.a.b >= 3", values) == [True, None, None]
    assert results("s.a = '1'", values) == [False, True, None]


def test_the_used_columns_are_known() -> None:
    assert used_columns("a > 1 AND length(\"B c\") > 2 AND d.e = 'x'") == frozenset({"a", "b c", "d"})
    assert used_columns("COLUMNS(*) IS NOT NULL") is None


@pytest.mark.parametrize("sql", ["stars >", "1; DROP TABLE x", " ", "1) UNION SELECT (2", "1), (2"])
def test_what_is_no_expression_is_refused_before_any_file_is_read(sql: str) -> None:
    with pytest.raises(UserError, match="^option --where is .*, which DuckDB refuses: "):
        check_syntax(ProcessingOptions(where=sql))


def test_conditions_are_known_by_their_options() -> None:
    assert conditions(ProcessingOptions()) == {}
    given = ProcessingOptions(where="a > 1", positive_where="b")
    assert conditions(given) == {"--where": "a > 1", "--positive-where": "b"}


def test_values_after_the_first_thousand_rows_decide_nothing_about_the_others(
    written: Write, tmp_path: Path, wordpiece: Path
) -> None:
    first = "".join(f"{n}\tgood film {n}\t{n % 5 + 1}\t{n % 2}\n" for n in range(1500))
    last = "a\tthe film\t4.4\t1\nb\tthe old film\tfive\t0\nc\tlong film\t05\t1\n"
    path = written("a.tsv", "id\ttext\tscore\tlabel\n" + first + last)
    kept: dict[str, dict[str, str]] = {}
    for condition in ("score > 4", "score <> '5'", "score IN ('05', '1')"):
        run(tmp_path / condition, input=str(path), tokenizer=str(wordpiece), where=condition, columns=("id", "score"))
        found = [row for split in SPLITS for row in rows(tmp_path / condition, split, ("id", "score"))]
        kept[condition] = {row[0]: row[1] for row in found}
    assert len(kept["score > 4"]) == 302 and {"a", "c"} < set(kept["score > 4"])
    assert len(kept["score <> '5'"]) == 1203 and {"a", "b", "c"} < set(kept["score <> '5'"])
    assert len(kept["score IN ('05', '1')"]) == 301 and kept["score IN ('05', '1')"]["c"] == "05"
