"""SQL that assigns a row to a split (train, validation or test) by an MD5 hash of its text or group column.

u = md5(seed, key) as a fraction of 2^64, where the key is the text or the group. So the split of a row
does not depend on the order of rows, the files or the number of hosts, and equal texts are always in
the same split.
"""

from __future__ import annotations

from processing.sql import literal

SPLITS = ("train", "validation", "test")
RANGE = 2**64


def split_sql(ratios: tuple[float, float, float], seed: int) -> str:
    """SQL for the index of a row's split in SPLITS (UTINYINT), over the text column `key`."""
    return split_of(hash_sql(seed), ratios)


def split_of(u: str, ratios: tuple[float, float, float]) -> str:
    """SQL for the index of the split of a row with the hash `u`, an SQL expression."""
    train, validation = bounds(ratios)
    return f"CAST(CASE WHEN {u} < {train} THEN 0 WHEN {u} < {validation} THEN 1 ELSE 2 END AS UTINYINT)"


def hash_sql(seed: int) -> str:
    """SQL for u of a row in 0..2^64 (UHUGEINT), over the text column `key`.

    u is the first eight bytes of the MD5 of "seed:key", least significant byte first.
    """
    return f"CAST(md5_number_upper(concat({literal(f'{seed}:')}, key)) AS UHUGEINT)"


def bounds(ratios: tuple[float, float, float]) -> tuple[int, int]:
    """Upper bounds of u for train and for validation, in 0..2^64."""
    train, validation, test = ratios
    end = RANGE if test == 0 else round((train + validation) * RANGE)
    return (end if validation == 0 else round(train * RANGE)), end
