"""Outcomes of a row (kept, filtered or rejected, with the reason), their counts, and the SQL that determines them."""

from __future__ import annotations

from enum import IntEnum

from processing.options import ProcessingOptions
from processing.rows.labels import Labels


class Outcome(IntEnum):
    """The outcome of a row, as the number that the query returns."""

    KEPT = 0
    BLANK_LINE = 1
    OTHER_HOST = 2
    NOT_JSON = 3
    WHERE = 4
    EMPTY_TEXT = 5
    TOO_SHORT = 6
    TOO_LONG = 7
    NO_LABEL = 8
    BAD_LABEL = 9
    UNKNOWN_LABEL = 10
    DUPLICATE = 11
    OVER_MAX_ROWS = 12
    UNBALANCED = 13
    FEW_TOKENS = 14
    NO_SPLIT = 20
    CONFLICT = 21
    NEAR_DUPLICATE = 22
    HALF_PAIR = 23
    NO_ROOM = 24
    NOT_UTF8 = 15
    NOT_TEXT = 16


FILTERED = {
    Outcome.WHERE: "where",
    Outcome.EMPTY_TEXT: "empty text",
    Outcome.HALF_PAIR: "half a pair missing",
    Outcome.TOO_SHORT: "shorter than min_chars",
    Outcome.TOO_LONG: "longer than max_chars",
    Outcome.DUPLICATE: "duplicate",
    Outcome.NEAR_DUPLICATE: "near-duplicate",
    Outcome.CONFLICT: "conflicting label",
    Outcome.OVER_MAX_ROWS: "over --max-rows",
    Outcome.UNBALANCED: "cut by --balance",
    Outcome.FEW_TOKENS: "fewer than min_tokens",
    Outcome.NO_ROOM: "no room for the text to truncate",
}
REJECTED = {
    Outcome.NOT_JSON: "not a JSON object",
    Outcome.NOT_UTF8: "not UTF-8",
    Outcome.NOT_TEXT: "list or object instead of text",
    Outcome.NO_LABEL: "no label",
    Outcome.BAD_LABEL: "label not understood",
    Outcome.NO_SPLIT: "split not understood",
}


def outcome_sql(
    options: ProcessingOptions, labels: Labels, host: int, hosts: int, cuts: list[tuple[str, Outcome]]
) -> str:
    """SQL expression of a row's Outcome, over the columns blank, broken, unreadable, selected, owner, text, label,
    and of pairs pair.

    Args:
        host: rank of this host.
        hosts: number of hosts that share the rows.
        cuts: further conditions, each with the outcome of rows that meet it; for --max-rows and --balance.
    """
    cases = [("blank", Outcome.BLANK_LINE)]
    if hosts > 1:
        cases.append((f"owner % {hosts} <> {host}", Outcome.OTHER_HOST))
    cases += [
        ("broken", Outcome.NOT_JSON),
        *((f"unreadable = {int(outcome)}", outcome) for outcome in (Outcome.NOT_UTF8, Outcome.NOT_TEXT)),
        ("NOT selected", Outcome.WHERE),
        *text_cases(options),
    ]
    if labels.is_labelled:
        cases += [
            (f"NOT {labels.known}", Outcome.UNKNOWN_LABEL),
            (labels.missing, Outcome.NO_LABEL),
            (f"({labels.number}) IS NULL", Outcome.BAD_LABEL),
        ]
    if options.split_column is not None:
        cases.append(("given IS NULL", Outcome.NO_SPLIT))
    cases += cuts
    whens = " ".join(f"WHEN {condition} THEN {int(outcome)}" for condition, outcome in cases)
    return f"CAST(CASE {whens} ELSE {int(Outcome.KEPT)} END AS UTINYINT)"


def text_cases(options: ProcessingOptions) -> list[tuple[str, Outcome]]:
    """SQL conditions, with outcomes, of rows that are filtered for their text, or for one text of a pair."""
    texts = ("text",) if options.text_pair_column is None else ("text", "pair")
    # \s matches ASCII white space only, \p{Z} Unicode's.
    empty = [f"({text} IS NULL OR NOT regexp_matches({text}, '[^\\s\\p{{Z}}]'))" for text in texts]
    cases = [(" AND ".join(empty), Outcome.EMPTY_TEXT)]
    if len(texts) > 1:
        cases.append((" OR ".join(empty), Outcome.HALF_PAIR))
    cases.append((" OR ".join(f"length({text}) < {options.min_chars}" for text in texts), Outcome.TOO_SHORT))
    if options.max_chars is not None:
        cases.append((" OR ".join(f"length({text}) > {options.max_chars}" for text in texts), Outcome.TOO_LONG))
    return cases
