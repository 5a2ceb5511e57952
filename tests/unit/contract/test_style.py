import re

from contract.style import STYLE


def test_every_colour_that_is_used_is_defined_in_light() -> None:
    light = STYLE[: STYLE.index("@media")]
    assert set(re.findall(r"var\((--[\w-]+)\)", STYLE)) <= set(re.findall(r"(--[\w-]+):", light))


def test_blocks_are_closed_and_nothing_is_fetched() -> None:
    assert STYLE.count("{") == STYLE.count("}")
    assert "url(" not in STYLE and "@import" not in STYLE
