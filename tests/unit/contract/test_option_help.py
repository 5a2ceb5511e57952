from dataclasses import dataclass

from contract.option_help import as_hyperparameters, as_variable, help_text
from contract.options import declared, option


@dataclass(frozen=True)
class Example:
    longest: int = option(128, "Longest row.", aliases=("max_length",), variable="EXAMPLE_LONGEST")
    text_column: str | None = option(None, "Column with the text.", group="columns")


def test_help_names_every_option_with_type_and_default() -> None:
    text = help_text(Example, "usage: example")
    for each in declared(Example):
        assert each.flag in text
        assert each.help in text
    assert "--longest, --max-length" in text
    assert text.index("options:") < text.index("columns:")
    assert "(a whole number; default: 128)" in text


def test_an_option_is_spelled_as_its_source_spells_it() -> None:
    longest, column = declared(Example)
    assert as_hyperparameters(longest) == "longest, max_length"
    assert (as_variable(longest), as_variable(column)) == ("EXAMPLE_LONGEST", "text_column")
