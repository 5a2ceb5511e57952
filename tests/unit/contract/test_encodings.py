"""Encodings by mark, by option, and the likely one of a file that is not UTF-8."""

from __future__ import annotations

import pytest

from contract.encodings import detect, known, likely
from contract.failures import UserError

TEXT = "text,label\ncaf\u00e9 cr\u00e8me,1\nna\u00efve \u201cquoted\u201d,0\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_file_says_its_encoding_by_its_mark_or_is_utf8(encoding: str) -> None:
    sample = TEXT.encode(encoding)
    assert sample.decode(detect(sample, "a.csv")).lstrip("\ufeff") == TEXT


@pytest.mark.parametrize(
    ("encoding", "named"),
    [("windows-1252", "windows-1252"), ("utf-16-le", "utf-16-le"), ("utf-16-be", "utf-16-be")],
)
def test_another_file_is_refused_with_its_likely_encoding(encoding: str, named: str) -> None:
    with pytest.raises(
        UserError, match=f"^file a.csv is not UTF-8, its bytes look like {named}; .*--encoding {named}$"
    ):
        detect(TEXT.encode(encoding), "a.csv")


@pytest.mark.parametrize(
    ("text", "encoding", "asked", "expected"),
    [
        (TEXT, "utf-16-le", "utf-16", "utf-16-le"),
        (TEXT, "utf-16-be", "UTF16", "utf-16-be"),
        ("\u4e2d\u6587" * 9, "utf-16-le", "utf-16", "utf-16-le or utf-16-be, or that of another encoding"),
        (TEXT, "utf-32-le", "utf-32", "utf-32-le or utf-32-be, or that of another encoding"),
    ],
)
def test_an_encoding_that_needs_a_mark_is_refused_with_its_byte_order(
    text: str, encoding: str, asked: str, expected: str
) -> None:
    with pytest.raises(UserError, match=f"^file a.csv has no byte order mark, .*; expected --encoding {expected}$"):
        detect(text.encode(encoding), "a.csv", asked)
    assert detect(text.encode(asked), "a.csv", asked).replace("-", "") == asked.lower().replace("-", "")


def test_latin_1_has_no_bytes_that_windows_1252_uses_for_quotation_marks() -> None:
    assert likely("caf\u00e9".encode("latin-1")) == "latin-1"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("\u3053\u306e\u6620\u753b\u306f\u826f\u304b\u3063\u305f", "shift_jis"),
        ("\u3053\u306e\u6620\u753b\u306f\u826f\u304b\u3063\u305f", "euc_jp"),
        ("\u8fd9\u90e8\u7535\u5f71\u5f88\u597d", "gb18030"),
        ("\uc774 \uc601\ud654\ub294 \uc88b\uc558\ub2e4", "euc_kr"),
        (
            "\u044d\u0442\u043e \u0445\u043e\u0440\u043e\u0448\u0438\u0439 \u0444\u0438\u043b\u044c\u043c",
            "windows-1251",
        ),
    ],
)
def test_no_western_encoding_is_proposed_for_another_script(text: str, encoding: str) -> None:
    content = "text,label\n" + f"{text} 2024 ok,1\n" * 9
    words = (
        "^file a.csv is not UTF-8, its encoding cannot be told; expected UTF-8, or option --encoding with its encoding"
    )
    with pytest.raises(UserError, match=words):
        detect(content.encode(encoding), "a.csv")
    assert detect(content.encode(encoding), "a.csv", encoding) == known(encoding)


def test_text_full_of_accents_is_of_a_western_language() -> None:
    text = "\u00e7a d\u00e9\u00e7oit, h\u00e9l\u00e0s: \u00e9t\u00e9 apr\u00e8s \u00e9t\u00e9 \u00e0 No\u00ebl\n"
    assert likely(text.encode("latin-1")) == "latin-1"
    # Too few letters to tell.
    assert likely("x\u00e9\u00e9 \u00e9".encode("latin-1")) == "latin-1"


def test_a_few_invalid_bytes_among_valid_ones_do_not_refuse_the_file() -> None:
    assert detect("caf\u00e9 \u00e8 \u00e9 \u00e0\n".encode() + b"\xff\xfe\xfa\n", "a.csv") == "utf-8"
    assert detect(b"one bad byte \xff\n", "a.csv") == "utf-8"


def test_a_sequence_that_the_sample_cuts_is_not_invalid() -> None:
    assert detect(("\u00e9" * 10).encode()[:-1], "a.csv") == "utf-8"


def test_names_of_encodings_are_those_of_python() -> None:
    assert known("latin1") == known("ISO-8859-1") == "iso8859-1"
    for name in ("no-such", "base64", "rot13", "idna"):
        with pytest.raises(UserError, match=f"^option --encoding is '{name}', expected an encoding"):
            known(name)
