"""Writes the tables of docs/contract.md from the code: options, defaults, routes, metric definitions.

python -m tools.tables    writes each between its marks, `<!-- table: NAME -->` and `<!-- end -->`
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from contract.options import Option, as_flags, as_hyperparameters, as_variable, declared
from contract.values import describe
from examples.metric_definitions import METRIC_DEFINITIONS
from images.catalog import Catalog
from inference.options import ServingOptions
from processing.options import ProcessingOptions
from training import arguments, compatibility
from training.hyperparameters import MANAGED
from training.options import EXAMPLE_NAMES, TrainingOptions

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "contract.md"
OPENAPI = ROOT / "docs" / "inference.openapi.json"
TABLE = re.compile(r"(<!-- table: ([a-z ]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; a bar inside a cell is escaped."""
    heads = list(head)
    lines = [heads, ["---"] * len(heads), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def code(text: Any) -> str:
    return f"`{text}`"


def names(text: str) -> str:
    """Each of the names in `text`, which commas separate, as code."""
    return ", ".join(map(code, text.split(", ")))


def value(default: Any) -> str:
    """A default as a caller would write it."""
    if default is None or default == ():
        return "none"
    return code(str(default).lower() if isinstance(default, bool) else default)


def options(cls: type, head: str, spelled: Callable[[Option], str]) -> str:
    """Every option of the dataclass `cls`, in order."""
    rows = [
        (names(spelled(option)), describe(option.kind), value(option.default), option.help) for option in declared(cls)
    ]
    return table((head, "value", "default", "what it does"), rows)


def images() -> str:
    catalog = Catalog.read()
    extended = catalog.content["bases"]["dlc"]
    fields = [(name, catalog.field(name, "repository"), catalog.field(name, "base")) for name in catalog.names()]
    return table(
        ("image", "repository", "extends"),
        [(name, code(repository), code(extended[base])) for name, repository, base in fields],
    )


def defaults() -> str:
    """Fields of TrainingArguments whose default differs, on any machine."""
    of_the_device = arguments.device_defaults()
    rows = [
        (code(name), value(default.value), default.reason)
        for name, default in arguments.defaults(evaluates=True).items()
        if name not in of_the_device
    ]
    return table(("hyperparameter", "default", "why"), rows)


def example_names() -> str:
    return table(("name", "stands for"), [(code(name), code(field)) for name, field in EXAMPLE_NAMES.items()])


def managed() -> str:
    return table(("hyperparameter", "instead"), [(code(name), text) for name, text in MANAGED.items()])


def other_names() -> str:
    """Names of transformers 4 and of its examples that are no fields any more, or never were."""
    rows = [(name, f"taken as `{field}`") for name, field in compatibility.RENAMED.items()]
    rows += [
        (name, f"where true, taken as `{field}={chosen}`") for name, (field, chosen) in compatibility.SWITCHES.items()
    ]
    rows += [(name, f"no effect: {why}") for name, why in compatibility.WITHOUT_EFFECT.items()]
    rows += [(name, f"refused unless false or none: {instead}") for name, instead in compatibility.INSTEAD.items()]
    return table(("name", "what it does"), [(code(name), told) for name, told in rows])


def routes() -> str:
    """Every route of the OpenAPI description with the statuses that it may answer."""
    rows = [
        (code(f"{method.upper()} {path}"), operation["summary"], ", ".join(sorted(operation["responses"])))
        for path, methods in json.loads(OPENAPI.read_text())["paths"].items()
        for method, operation in methods.items()
    ]
    return table(("route", "what it answers", "statuses"), rows)


def metrics() -> str:
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
    """`text` with every table as the code has it."""
    return TABLE.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}{found[4]}", text)


if __name__ == "__main__":
    DOCUMENT.write_text(render(DOCUMENT.read_text()))
