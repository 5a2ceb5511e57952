"""Errors of DuckDB and pyarrow as sentences that name the file or the option, without values of the data."""

from __future__ import annotations

import re

import duckdb
import pyarrow as pa

from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.rows.conditions import conditions

# What reading raises; the stream of batches raises pyarrow's OSError for errors after its first batch.
READ_ERRORS = (duckdb.Error, pa.ArrowException, OSError)
# Errors about the user's SQL before it is run, which quote it alone.
SQL_ERRORS = (duckdb.BinderException, duckdb.ParserException, duckdb.CatalogException)
# Messages that are repeated once what they quote is removed. Others can hold values that are not in quotes.
HARMLESS = re.compile(
    r"(?:(?:Conversion|Invalid Input|Out of Range|IO) Error: )?"
    r"(?:Could not (?:convert|cast) \w+ '\.\.\.'|Failed to (?:cast|read) |No magic bytes|Invalid string encoding|"
    r"Failed to cast value|Invalid unicode)"
)


def explained(error: Exception, file: str, options: ProcessingOptions) -> UserError:
    """The UserError for an error of reading `file`, given by its name."""
    if isinstance(error, duckdb.OutOfMemoryException) or "Out of Memory" in str(error):
        return UserError(f"input file {file} needs more memory than the database has; expected a larger --memory-limit")
    user_conditions, cause = conditions(options), without_values(error)
    given = " and ".join(f"option {option} is {condition!r}" for option, condition in user_conditions.items())
    if given and not is_about_file(error):
        return UserError(f"{given}, which DuckDB refuses: {cause}{hint(error)}")
    if given and may_be_about_sql(error):
        return UserError(f"input file {file} cannot be read, or {given}, which fails on a row of it ({cause})")
    if cause == type(error).__name__:
        cause = f"it is damaged, or of another format than its name says ({cause})"
    return UserError(f"input file {file} cannot be read: {cause}")


def hint(error: Exception) -> str:
    """What a user may do about an error in SQL, to append to DuckDB's message; often empty."""
    if isinstance(error, duckdb.ConversionException):
        return "; TRY_CAST gives NULL for such a value"
    if isinstance(error, duckdb.BinderException) and ("explicit" in str(error) or "No function matches" in str(error)):
        return "; columns of csv, tsv and jsonl are text: TRY_CAST(column AS DOUBLE) is a number"
    if isinstance(error, duckdb.BinderException) and "Referenced column" in str(error):
        return "; expected the whole name of a column, in double quotes if it has spaces"
    return ""


def is_about_file(error: Exception) -> bool:
    """Whether an error is about an input file rather than the user's SQL."""
    if isinstance(error, (duckdb.IOException, duckdb.InvalidInputException)):
        return True
    return not isinstance(error, duckdb.Error) and "Conversion Error" not in str(error)


def may_be_about_sql(error: Exception) -> bool:
    """Whether an error of reading may also be one of the user's SQL on a later row."""
    if isinstance(error, (duckdb.IOException, pa.ArrowException)):
        return False
    return isinstance(error, duckdb.Error) or "IO Error" not in str(error)


def without_values(error: Exception) -> str:
    """The first line of DuckDB's or pyarrow's error message, without values of the data, which it may quote."""
    if isinstance(error, SQL_ERRORS):
        return str(error).strip().splitlines()[0]
    # A value may contain quotes and newlines.
    text = re.sub(r"""(['"]).*\1""", "'...'", str(error).strip(), flags=re.DOTALL)
    first = text.splitlines()[0]
    return first if HARMLESS.match(first) else type(error).__name__
