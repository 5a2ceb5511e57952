"""SQL for hashes of a row's content: normalized text for duplicates, owning host, and rank for sampling.

Each uses other bits of an MD5, or the MD5 of another prefix, so that they are independent.
"""

from __future__ import annotations

from processing.sql import literal


def normalized_sql(text: str) -> str:
    """SQL for a text without differences of case, white space and Unicode form; duplicates have the same."""
    return f"lower(trim(regexp_replace(nfc_normalize({text}), '[\\s\\p{{Z}}]+', ' ', 'g')))"


def owner_sql(text: str = "text") -> str:
    """SQL for a number (UBIGINT) whose remainder modulo the number of hosts is the rank of the host that keeps a row.

    It is the last eight bytes of the MD5 of the SQL expression `text`, without a seed: independent of the split.
    """
    return f"md5_number_lower(coalesce({text}, ''))"


def rank_sql(seed: int, text: str = "text") -> str:
    """SQL for the rank of a row (UBIGINT) by which rows are sampled: those with the smallest ranks are kept.

    It is the first eight bytes of the MD5 of "rank:seed:text", least significant byte first.
    """
    return f"md5_number_upper(concat({literal(f'rank:{seed}:')}, {text}))"
