"""Encoding of a text file: by its byte order mark, by option, or UTF-8; the likely one of a file that is not UTF-8."""

from __future__ import annotations

import codecs
import re

from contract.failures import UserError

UTF8 = "utf-8"
# The longest first: UTF-32's mark begins with UTF-16's.
MARKS = (
    (codecs.BOM_UTF8, UTF8),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Encodings whose byte order only a mark tells.
NEED_MARK = ("utf-16", "utf-32")
# Codecs of Python that are no encodings of text, or that do not decode parts of a file on their own.
NO_ENCODINGS = ("idna", "punycode", "raw_unicode_escape", "unicode_escape", "undefined", "mbcs", "oem")
# Invalid sequences, from which on a file is refused if it has fewer valid ones of several bytes.
MOST_INVALID = 3
# Share of the bytes beyond ASCII that are beside another one, up to which a text may be of a Western language: there
# letters with accents are among others, while most letters of other scripts are such bytes.
MOST_IN_RUNS = 0.5
# Fewer such bytes tell nothing of that.
LEAST_BEYOND = 16
BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")


def of_mark(sample: bytes) -> str | None:
    """The encoding of the byte order mark that `sample` begins with; None without one."""
    return next((name for mark, name in MARKS if sample.startswith(mark)), None)


def known(name: str) -> str:
    """The encoding `name` as Python names it ("latin1" and "ISO-8859-1" are both "iso8859-1").

    Raises:
        UserError: Python has no encoding of text of this name.
    """
    try:
        info = codecs.lookup(name)
    except LookupError:
        info = None
    if info is None or not getattr(info, "_is_text_encoding", True) or info.name in NO_ENCODINGS:
        raise UserError(f"option --encoding is {name!r}, expected an encoding such as latin-1, windows-1252 or utf-16")
    return info.name


def utf16_without_mark(sample: bytes) -> str | None:
    """The byte order of UTF-16 text without a mark, in which every other byte of a Latin letter is 0; else None."""
    halves = len(sample) // 2
    # Most files have no 0, and the counts below copy the sample.
    if halves < 2 or b"\0" not in sample:
        return None
    for name, start in (("utf-16-le", 1), ("utf-16-be", 0)):
        if sample[start::2].count(0) > halves * 0.5 and sample[1 - start :: 2].count(0) < halves * 0.1:
            return name
    return None


def sequences(sample: bytes) -> tuple[int, int]:
    """Number of valid and of invalid sequences of UTF-8 in `sample`; ASCII counts only where there are no invalid ones.

    A last sequence that the sample cuts is ignored.
    """
    if sample.isascii():
        return len(sample), 0
    try:
        # Much faster than counting, and true of most files.
        return len(codecs.getincrementaldecoder(UTF8)().decode(sample)), 0
    except UnicodeDecodeError:
        pass
    text = codecs.getincrementaldecoder(UTF8)("surrogateescape").decode(sample)
    invalid = sum("\udc80" <= character <= "\udcff" for character in text)
    return sum(character > "\x7f" for character in text) - invalid, invalid


def likely(sample: bytes) -> str | None:
    """The most likely encoding of `sample`, which is not UTF-8; None if it is not that of a Western language.

    Bytes 0x80 to 0x9f are control characters in Latin-1, and quotation marks or dashes in Windows-1252.
    """
    if (found := utf16_without_mark(sample)) is not None:
        return found
    runs = [len(run) for run in BEYOND_ASCII.findall(sample)]
    if sum(runs) >= LEAST_BEYOND and sum(size for size in runs if size > 1) > MOST_IN_RUNS * sum(runs):
        return None
    return "windows-1252" if any(0x80 <= byte < 0xA0 for byte in sample) else "latin-1"


def detect(sample: bytes, name: str, asked: str | None = None) -> str:
    """The encoding of the file `name`, which begins with `sample`.

    Args:
        asked: --encoding; a byte order mark of another encoding takes precedence over it.

    Raises:
        UserError: the file is not UTF-8 and nothing says what it is, or --encoding is no encoding or needs a mark.
    """
    chosen = None if asked is None else known(asked)
    if (marked := of_mark(sample)) is not None:
        return marked
    if chosen in NEED_MARK and sample:
        found = utf16_without_mark(sample) if chosen == "utf-16" else None
        raise UserError(
            f"file {name} has no byte order mark, which option --encoding {chosen} needs; expected --encoding "
            f"{found or f'{chosen}-le or {chosen}-be, or that of another encoding'}"
        )
    if chosen is not None:
        return chosen
    valid, invalid = sequences(sample)
    if utf16_without_mark(sample) or invalid >= max(MOST_INVALID, valid):
        found = likely(sample)
        looks = f"its bytes look like {found}" if found else "its encoding cannot be told"
        raise UserError(
            f"file {name} is not UTF-8, {looks}; expected UTF-8, or option --encoding "
            f"{found or 'with its encoding, such as shift_jis, gb18030, euc_kr or windows-1251'}"
        )
    return UTF8
