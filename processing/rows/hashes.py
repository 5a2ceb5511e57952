"""SQL for hashes of a row's content: normalized text, owning host, and rank for sampling.

Each takes its own bits of an MD5, or the MD5 of another prefix, so that one says nothing of another.
"""

from __future__ import annotations

from processing.sql import literal


def normalized_sql(text: str) -> str:
    """SQL for what two texts must share to be duplicates: all but case, white space and Unicode form."""
    return f"lower(trim(regexp_replace(nfc_normalize({text}), '[\\s\\p{{Z}}]+', ' ', 'g')))"


def owner_sql(text: str = "text") -> str:
    """SQL for the number (UBIGINT) whose remainder says which of several hosts keeps a row.

    The last eight bytes of the MD5 of the SQL expression `text` without a seed: independent of the split.
    """
    return f"md5_number_lower(coalesce({text}, ''))"


def rank_sql(seed: int, text: str = "text") -> str:
    """SQL for the number (UBIGINT) by which rows are chosen where not all are wanted: the smallest stay.

    The first eight bytes of the MD5 of "rank:seed:text", least significant byte first.
    """
    return f"md5_number_upper(concat({literal(f'rank:{seed}:')}, {text}))"
