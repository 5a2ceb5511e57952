"""HTML pages written from jinja2 templates with autoescape, and the filters that format their numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

PAGE_FILE = "report.html"
SUFFIX = "jinja"


def render(template: Path, **content: object) -> str:
    """The text that the file `template` makes of `content`, which it uses by name.

    Raises:
        jinja2.UndefinedError: `template` uses a name that `content` lacks.
    """
    return environment(template.parent).get_template(template.name).render(content)


def compiled(folder: Path) -> None:
    """Compile all templates of `folder` and of this module's folder, which `render` does on first use."""
    templates = environment(folder)
    for name in templates.list_templates([SUFFIX]):
        templates.get_template(name)


@cache
def environment(folder: Path) -> Environment:
    """Templates of `folder` and of this module's folder, in which every value is escaped."""
    # Imported late: only the end of a job needs it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader([folder, Path(__file__).parent]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(intcomma=intcomma, percent=percent)
    return made


def intcomma(number: float) -> str:
    """`number` rounded to an integer, with commas between thousands."""
    # float() names what is undefined; formatting it would not.
    return f"{float(number):,.0f}"


def percent(part: float, whole: float = 1) -> str:
    """`part` of `whole` in percent, with as many digits as tell it from none and from all."""
    if not whole:
        return "0%"
    value = 100 * part / whole
    if 0 < value < 0.05 or 99.95 <= value < 100:
        return "<0.1%" if value < 1 else ">99.9%"
    return f"{value:.0f}%" if value in (0, 100) else f"{value:.1f}%"


def name_value_rows(values: Mapping[str, object]) -> list[tuple[str, str]]:
    """Rows of a table of names and values; values that are no text are written as JSON."""
    return [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in values.items()]
