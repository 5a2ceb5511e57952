"""Explains errors of DuckDB that the caller has caused, without values of the data."""

from __future__ import annotations

import re

import duckdb

from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.reading.source import SourceFile
from processing.rows.conditions import conditions


def explained(error: duckdb.Error, file: SourceFile, options: ProcessingOptions) -> UserError:
    """The UserError for an error of DuckDB that the caller has caused; any other error is raised unchanged."""
    # DuckDB's lenient mode would read on, but split a row at a carriage return within a text.
    if "invalid state" in str(error):
        return UserError(
            f"input file {file.name} cannot be read: it mixes line endings, or has a carriage return in an "
            "unquoted value; expected one kind of line ending"
        )
    if isinstance(error, (duckdb.IOException, duckdb.InvalidInputException)):
        return UserError(f"input file {file.name} cannot be read: {without_values(error)}")
    user_conditions = conditions(options)
    if user_conditions and not isinstance(error, duckdb.OutOfMemoryException):
        given = " and ".join(f"option {name} is {condition!r}" for name, condition in user_conditions.items())
        return UserError(f"{given}, which DuckDB refuses: {without_values(error)}{hint(error)}")
    raise error


def hint(error: duckdb.Error) -> str:
    """What a user may do about text that is used as a number, to append to DuckDB's message; often empty."""
    if isinstance(error, duckdb.ConversionException):
        return "; TRY_CAST gives NULL for such a value"
    if isinstance(error, duckdb.BinderException) and ("explicit" in str(error) or "No function matches" in str(error)):
        return "; columns of csv, tsv and jsonl are text: TRY_CAST(column AS DOUBLE) is a number"
    return ""


def without_values(error: Exception) -> str:
    """The first line of DuckDB's error message, without values of the data, which it may quote."""
    text = str(error).strip()
    if isinstance(error, (duckdb.DataError, duckdb.InvalidInputException)):
        # A value may contain quotes and newlines.
        text = re.sub(r"'.*'", "'...'", text, flags=re.DOTALL)
    return text.splitlines()[0]
