"""Characters that options name, and escapes of a dialect."""

from __future__ import annotations

import pytest

from contract.dialect import Dialect, character, doubled
from contract.failures import UserError


@pytest.mark.parametrize("text", ["ab", "\n", "\u00e9", ""])
def test_a_delimiter_is_one_character(text: str) -> None:
    with pytest.raises(UserError, match="^option --delimiter is .*, expected one character, or comma, tab"):
        character("--delimiter", text)


def test_characters_have_names() -> None:
    assert [character("--delimiter", name) for name in ("tab", "\\t", "Semicolon", "|")] == ["\t", "\t", ";", "|"]
    assert character("--quote", "none", empty=True) == ""


def test_escapes_become_doubled_quotes() -> None:
    dialect = Dialect(",", '"', "\\")
    assert doubled(b'"He said \\"no\\"\xff",a\\"b', dialect) == b'"He said ""no""\xff","a""b"'
    assert doubled(b"a\nb", dialect) == b"a\nb"
