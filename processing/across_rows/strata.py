"""Stratified splits: each class gets its share of every split, by the order of its keys' hashes.

Within a class the split of a row is a function of its key: keys are sorted by their hash, and the first ones become
train. Keys with rows of several classes are a class of their own, so that no key is in two splits.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from processing.across_rows.occurrences import OCCURRENCES

KEYS = "stratified_keys"
MIXED = -1


def stratify(connection: duckdb.DuckDBPyConnection, ratios: Sequence[float]) -> None:
    """Set the final split of every row by its class and key; `ratios` are the shares of train, validation and test."""
    connection.execute(
        f"CREATE TEMP TABLE {KEYS} AS SELECT key, stratum, row_number() OVER w AS place, sum(rows) OVER w AS total, "
        "count(*) OVER (PARTITION BY stratum) AS keys, sum(rows) OVER (PARTITION BY stratum) AS all_rows FROM "
        f"(SELECT key, count(*) AS rows, CASE WHEN min(number) = max(number) THEN min(number) ELSE {MIXED} END "
        f"AS stratum FROM {OCCURRENCES} GROUP BY key) WINDOW w AS (PARTITION BY stratum ORDER BY key)"
    )
    train, validation = ratios[0], ratios[0] + ratios[1]
    strata = connection.execute(
        "SELECT stratum, max(keys), count(*) FILTER (total <= round(all_rows * ?)), "
        f"count(*) FILTER (total <= round(all_rows * ?)) FROM {KEYS} GROUP BY stratum ORDER BY stratum",
        [train, validation],
    ).fetchall()
    cases = " ".join(
        f"WHEN {stratum} THEN {split_sql(last(keys, places, ratios))}" for stratum, keys, *places in strata
    )
    if strata:
        connection.execute(
            f"UPDATE {OCCURRENCES} SET final = k.split FROM "
            f"(SELECT key, CASE stratum {cases} END AS split FROM {KEYS}) k WHERE {OCCURRENCES}.key = k.key"
        )
    connection.execute(f"DROP TABLE {KEYS}")


def last(keys: int, places: Sequence[int], ratios: Sequence[float]) -> tuple[int, int]:
    """Places of the last keys of train and of validation, of a stratum with `keys` keys.

    Args:
        places: the same by the shares alone. Where there are enough keys, each split with a share gets one.
    """
    wanted = [share > 0 for share in ratios]
    if keys < sum(wanted):
        # Too few for all splits: train first.
        return (keys, keys)
    train = min(max(places[0], int(wanted[0])), keys - wanted[1] - wanted[2])
    validation = min(max(places[1], train + wanted[1]), keys - wanted[2])
    return train, (keys if not wanted[2] else validation)


def split_sql(places: tuple[int, int]) -> str:
    """SQL for the split of a key by its place in the stratum."""
    return f"CASE WHEN place <= {places[0]} THEN 0 WHEN place <= {places[1]} THEN 1 ELSE 2 END"
