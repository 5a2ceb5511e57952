"""Generates the tables of docs/contract.md from the code: options, defaults, routes, metric definitions.

python -m tools.tables    writes each table between its markers, `<!-- table: NAME -->` and `<!-- end -->`
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from contract.option_help import as_flags, as_hyperparameters, as_variable
from contract.options import Option, declared
from contract.values import describe
from examples.metric_definitions import METRIC_DEFINITIONS
from images.catalog import Catalog
from inference.options import ServingOptions
from processing.options import ProcessingOptions
from training import arguments, compatibility, devices
from training.hyperparameters import MANAGED
from training.options import EXAMPLE_NAMES, TrainingOptions

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "contract.md"
OPENAPI = ROOT / "docs" / "inference.openapi.json"
TABLE = re.compile(r"(<!-- table: ([a-z ]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; `|` inside a cell is escaped."""
    heads = list(head)
    lines = [heads, ["---"] * len(heads), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def code(text: Any) -> str:
    """`text` as Markdown code."""
    return f"`{text}`"


def names(text: str) -> str:
    """Comma-separated names in `text`, each as Markdown code."""
    return ", ".join(map(code, text.split(", ")))


def value(default: Any) -> str:
    """A default value as a caller writes it."""
    if default is None or default == ():
        return "none"
    return code(str(default).lower() if isinstance(default, bool) else default)


def options(cls: type, head: str, spelled: Callable[[Option], str]) -> str:
    """The table of the options of the dataclass `cls`.

    Args:
        head: heading of the first column.
        spelled: function that returns the names of an option.
    """
    rows = [
        (names(spelled(option)), describe(option.kind), value(option.default), option.help) for option in declared(cls)
    ]
    return table((head, "value", "default", "what it does"), rows)


def images() -> str:
    """The table of the images and their base images."""
    catalog = Catalog.read()
    extended = catalog.content["bases"]["dlc"]
    fields = [(name, catalog.field(name, "repository"), catalog.field(name, "base")) for name in catalog.names()]
    return table(
        ("image", "repository", "extends"),
        [(name, code(repository), code(extended[base])) for name, repository, base in fields],
    )


def defaults() -> str:
    """The table of the fields of TrainingArguments with another default in the image, on any device."""
    device_defaults = devices.cpu_defaults()
    rows = [
        (code(name), value(default.value), default.reason)
        for name, default in arguments.defaults(evaluates=True, on_cpu=True).items()
        if name not in device_defaults
    ]
    return table(("hyperparameter", "default", "why"), rows)


def example_names() -> str:
    """The table of other names of hyperparameters, from Hugging Face's examples."""
    return table(("name", "stands for"), [(code(name), code(field)) for name, field in EXAMPLE_NAMES.items()])


def managed() -> str:
    """The table of the hyperparameters that the image sets itself, with the replacement."""
    return table(("hyperparameter", "instead"), [(code(name), text) for name, text in MANAGED.items()])


def other_names() -> str:
    """The table of names of transformers 4 and of its examples that are not fields of TrainingArguments."""
    rows = [(name, f"taken as `{field}`") for name, field in compatibility.RENAMED.items()]
    rows += [
        (name, f"where true, taken as `{field}={chosen}`") for name, (field, chosen) in compatibility.SWITCHES.items()
    ]
    rows += [(name, f"no effect: {why}") for name, why in compatibility.WITHOUT_EFFECT.items()]
    rows += [(name, f"refused unless false or none: {instead}") for name, instead in compatibility.INSTEAD.items()]
    return table(("name", "what it does"), [(code(name), effect) for name, effect in rows])


def routes() -> str:
    """The table of the routes of the OpenAPI description, with their statuses."""
    rows = [
        (code(f"{method.upper()} {path}"), operation["summary"], ", ".join(sorted(operation["responses"])))
        for path, methods in json.loads(OPENAPI.read_text())["paths"].items()
        for method, operation in methods.items()
    ]
    return table(("route", "what it answers", "statuses"), rows)


def metrics() -> str:
    """The metric definitions as a JSON code block."""
    return "```json\n" + json.dumps(METRIC_DEFINITIONS, indent=2) + "\n```\n"


TABLES: dict[str, Callable[[], str]] = {
    "images": images,
    "arguments": lambda: options(ProcessingOptions, "argument", as_flags),
    "hyperparameters": lambda: options(TrainingOptions, "hyperparameter", as_hyperparameters),
    "example names": example_names,
    "defaults": defaults,
    "managed": managed,
    "other names": other_names,
    "variables": lambda: options(ServingOptions, "variable", as_variable),
    "routes": routes,
    "metric definitions": metrics,
}


def render(text: str) -> str:
    """Replace every table in `text` by the one that is generated from the code."""
    return TABLE.sub(lambda match: f"{match[1]}{TABLES[match[2]]()}{match[4]}", text)


if __name__ == "__main__":
    DOCUMENT.write_text(render(DOCUMENT.read_text()))
