"""The user's SQL (--where, --positive-where, expressions): parses it, and makes comparisons with numbers exact.

Values of csv, tsv and jsonl files are text. DuckDB refuses `stars > 3` over text, and rounds the text in `stars = 3`.
So where a column of text is compared with a numeric constant, the value of each row is read as a number, and is NULL if
it is none; where it is compared with text, it stays text. The types of other rows have no influence.

DuckDB parses and prints the SQL (json_serialize_sql, json_deserialize_sql); only nodes of the tree are replaced here.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import duckdb

from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.sql import literal

Node = dict[str, Any]
COMPARISONS = ("COMPARISON", "BETWEEN")
MEMBERSHIPS = ("COMPARE_IN", "COMPARE_NOT_IN")
LOGICAL = ("CONJUNCTION_AND", "CONJUNCTION_OR", "OPERATOR_NOT")
# Integers are compared as integers, since DOUBLE has 53 bits only; other numbers as DOUBLE. Not a number is NULL.
IS_INTEGER = "regexp_full_match(trim(hf_x), '[+-]?[0-9]{1,30}')"
INTEGER, REAL = (
    "TRY_CAST(hf_x AS HUGEINT)",
    "CASE WHEN isfinite(TRY_CAST(hf_x AS DOUBLE)) THEN CAST(hf_x AS DOUBLE) END",
)
TRUTH = "TRY_CAST(hf_x AS BOOLEAN)"


def conditions(options: ProcessingOptions) -> dict[str, str]:
    """The user's SQL by the option that sets it."""
    values = {
        "--where": options.where,
        "--positive-where": options.positive_where,
        "--text-expression": options.text_expression,
        "--label-expression": options.label_expression,
    }
    return {name: sql for name, sql in values.items() if sql is not None}


def check_syntax(options: ProcessingOptions) -> None:
    """Parse the user's SQL; raises UserError if one is not an expression of DuckDB's SQL."""
    for name, sql in conditions(options).items():
        try:
            parsed(sql)
        except ValueError as error:
            raise UserError(f"option {name} is {sql!r}, which DuckDB refuses: {error}") from None


@lru_cache(maxsize=64)
def over_text(sql: str, text_columns: frozenset[str], is_condition: bool = True) -> str:
    """The expression `sql`, in which comparisons of `text_columns` with numbers or booleans convert each row's value.

    `column.key` of a text column is the value of `key` in the JSON object that the column holds.

    Args:
        is_condition: whether the expression is true or false.
    """
    statement, node = parsed(sql)
    names = {name.lower(): name for name in text_columns}
    changed = rewritten(node, names)
    # A column alone can be a condition.
    statement["statements"][0]["node"]["select_list"] = [as_truth(changed, names) if is_condition else changed]
    return printed(statement)


def text_sql(expression: str, texts: frozenset[str]) -> str:
    """SQL for the user's `expression` as text; `texts` are the columns of text."""
    return f"CAST({over_text(expression, texts, False)} AS VARCHAR)"


def truth(condition: str, texts: frozenset[str]) -> str:
    """SQL for the user's `condition` as a BOOLEAN; `texts` are the columns of text."""
    return f"CAST({over_text(condition, texts)} AS BOOLEAN)"


def used_columns(sql: str) -> frozenset[str] | None:
    """The names, in lower case, of the columns that the expression `sql` may refer to; None if it may be all."""
    nodes = list(walked(parsed(sql)[1]))
    if any(node.get("class") in ("STAR", "SUBQUERY") for node in nodes):
        return None
    return frozenset(node["column_names"][0].lower() for node in nodes if "column_names" in node)


def parsed(sql: str) -> tuple[Node, Node]:
    """DuckDB's tree of `SELECT sql`, and the node of the expression in it.

    Raises:
        ValueError: it is not one expression.
    """
    statement: Node = json.loads(serialized(sql)) if sql.strip() else {"error": False, "statements": []}
    if statement["error"] and statement["error_type"] == "parser":
        raise ValueError(statement["error_message"])
    if statement["error"] or len(statement["statements"]) != 1:
        raise ValueError("expected one expression")
    nodes = statement["statements"][0]["node"].get("select_list", [])
    if len(nodes) != 1:
        raise ValueError("expected one expression")
    return statement, nodes[0]


@lru_cache(maxsize=64)
def serialized(sql: str) -> str:
    """The answer of json_serialize_sql for `SELECT sql`."""
    with duckdb.connect() as connection:
        # The newline ends a comment at the end of the expression.
        [(text,)] = connection.execute("SELECT json_serialize_sql(?)", [f"SELECT ({sql}\n)"]).fetchall()
    return str(text)


def printed(statement: Node) -> str:
    """The expression of a tree of `parsed` as SQL, in parentheses."""
    with duckdb.connect() as connection:
        [(text,)] = connection.execute("SELECT json_deserialize_sql(?)", [json.dumps(statement)]).fetchall()
    return f"({str(text).removeprefix('SELECT ')})"


def walked(node: object) -> Iterator[Node]:
    """Every object of a tree."""
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from walked(child)


def rewritten(node: Any, names: dict[str, str]) -> Any:
    """`node` with its comparisons converted; `names` are the text columns by their names in lower case."""
    if isinstance(node, list):
        return [rewritten(child, names) for child in node]
    if not isinstance(node, dict):
        return node
    if "column_names" in node:
        return value_in_json(node, names)
    columns, others = operands(node)
    children = {key: rewritten(child, names) for key, child in node.items()}
    if node.get("type") in LOGICAL:
        children["children"] = [as_truth(child, names) for child in children["children"]]
    if not any(is_text(column, names) for column in columns) or not others:
        return children
    if all(is_constant(other, "BOOLEAN") for other in others):
        return converted(children, names, TRUTH)
    if all(is_constant(other, "INTEGER", "NUMERIC") for other in others):
        return by_number(children, names)
    return children


def operands(node: Node) -> tuple[list[Node], list[Node]]:
    """The operands of a comparison that are columns or keys of columns, and the other ones."""
    if node.get("class") in COMPARISONS:
        found = [node[key] for key in ("left", "right", "input", "lower", "upper") if key in node]
    elif node.get("type") in MEMBERSHIPS:
        found = node["children"]
    else:
        return [], []
    columns = [child for child in found if "column_names" in child]
    return columns, [child for child in found if "column_names" not in child]


def is_text(node: Node, names: dict[str, str]) -> bool:
    """Whether `node` is a text column, or a key in one."""
    return "column_names" in node and node["column_names"][0].lower() in names


def is_constant(node: Node, *kinds: str) -> bool:
    """Whether `node` is a constant of one of `kinds`."""
    return node.get("class") == "CONSTANT" and node["literal"]["kind"] in kinds


def value_in_json(node: Node, names: dict[str, str]) -> Node:
    """`node`, or for a key in a text column the value in its JSON, as text; NULL if it holds no JSON."""
    if not is_text(node, names) or len(node["column_names"]) == 1:
        return node
    column, *keys = node["column_names"]
    path = literal("$" + "".join(f'."{key}"' for key in keys))
    value = from_template(
        f"CASE WHEN json_valid(hf_x) THEN json_extract_string(hf_x, {path}) END", {**node, "column_names": [column]}
    )
    # Names the column, so that a comparison knows it as text.
    return {**value, "column_names": [column]}


def from_template(template: str, value: Node) -> Node:
    """The tree of the SQL `template`, with `value` instead of the column hf_x."""

    def filled(node: Any) -> Any:
        if isinstance(node, dict):
            if node.get("column_names") == ["hf_x"]:
                return copy.deepcopy(value)
            return {key: filled(child) for key, child in node.items()}
        return [filled(child) for child in node] if isinstance(node, list) else node

    result: Node = filled(parsed(template)[1])
    return result


def converted(node: Node, names: dict[str, str], template: str) -> Node:
    """The comparison `node` with its text columns converted by `template`."""

    def replaced(child: Any) -> Any:
        if isinstance(child, list):
            return [replaced(each) for each in child]
        return from_template(template, child) if isinstance(child, dict) and is_text(child, names) else child

    return {key: replaced(child) for key, child in node.items()}


def by_number(node: Node, names: dict[str, str]) -> Node:
    """The comparison `node` of one text column with numbers: of integers exactly, of other numbers as DOUBLE."""
    column = next(child for child in walked(node) if is_text(child, names))
    case = from_template(f"CASE WHEN {IS_INTEGER} THEN 1 ELSE 2 END", column)
    case["case_checks"][0]["then_expr"] = converted(node, names, INTEGER)
    case["else_expr"] = converted(node, names, REAL)
    return case


def as_truth(node: Node, names: dict[str, str]) -> Node:
    """`node` as an operand of AND, OR and NOT: a text column is read as true or false, and is NULL if it is neither."""
    return from_template(TRUTH, node) if is_text(node, names) else node
