"""SQL for hashes of a row's content: normalized text for duplicates, owning host, and rank for sampling.

Each uses other bits of an MD5, or the MD5 of another prefix, so that they are independent.
"""

from __future__ import annotations

from processing.sql import literal

# Between the two texts of a pair that are hashed together; spaces, so that white space at their ends does not matter.
BETWEEN = " \x1f "
# ASCII's white space other than a space, as \s matches it, by character code; and that of Unicode's category Z.
ASCII_SPACES = (9, 10, 12, 13)
OTHER_SPACES = (0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)

# Characters that NFC neither changes nor joins with the one before (Unicode Standard Annex 15): all up to the first
# combining mark, and the usual dashes, quotation marks and bullets.
ONE_FORM = (range(0x300), range(0x2010, 0x2028))
OTHER_FORMS = "[^" + "".join(f"\\x{{{codes[0]:x}}}-\\x{{{codes[-1]:x}}}" for codes in ONE_FORM) + "]"


def normalized_sql(text: str) -> str:
    """SQL for a text without differences of case, white space and Unicode form; duplicates have the same."""
    # A text of ASCII has as many bytes as characters. Of the others, few need nfc_normalize, which takes longest.
    is_ascii = f"strlen({text}) = length({text})"
    has_one_form = f"{is_ascii} OR NOT regexp_matches({text}, '{OTHER_FORMS}')"
    spaced = f"trim(regexp_replace({in_nfc(text)}, '[\\s\\p{{Z}}]+', ' ', 'g'))"
    return (
        f"lower(CASE WHEN {has_white_space(text, is_ascii)} THEN {spaced} WHEN {has_one_form} THEN {text} "
        f"ELSE {in_nfc(text)} END)"
    )


def in_nfc(text: str) -> str:
    """SQL for a text in Unicode's normalization form C."""
    # nfc_normalize ends at a NUL, which composes with no character.
    parts = f"list_transform(string_split({text}, chr(0)), lambda part: nfc_normalize(part))"
    return f"CASE WHEN contains({text}, chr(0)) THEN array_to_string({parts}, chr(0)) ELSE nfc_normalize({text}) END"


def has_white_space(text: str, is_ascii: str) -> str:
    """SQL for whether a text has white space that is replaced; most have none. `is_ascii`: whether it is of ASCII.

    A search for each character takes a third of the time of one regular expression for all.
    """
    places = [f"starts_with({text}, ' ')", f"ends_with({text}, ' ')", f"contains({text}, '  ')"]
    spaces = [f"contains({text}, chr({code}))" for code in ASCII_SPACES]
    others = "".join(f"\\x{{{code:x}}}" for code in OTHER_SPACES)
    return " OR ".join([*places, *spaces, f"NOT ({is_ascii}) AND regexp_matches({text}, '[{others}]')"])


def pair_sql(first: str, second: str) -> str:
    """SQL for both texts of a row as one text, by which rows of pairs are compared and assigned."""
    return f"concat({first}, {literal(BETWEEN)}, {second})"


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
