"""Compares docs/contract.md with the code."""

import dataclasses
import re
from pathlib import Path

from contract.card import Card, RowCounts, TokenizerReference
from contract.failures import EXIT_BUG, EXIT_OK, EXIT_USER_ERROR, REASON_LIMIT
from contract.option_help import as_variable
from contract.paths import Paths
from inference.server.app import FINISH_SECONDS
from inference.server.invocations import MOST_HEADER_BYTES
from processing.report.json_report import summary
from tools import tables

ROOT = Path(__file__).parents[3]
TEXT = tables.DOCUMENT.read_text()


def section(heading: str) -> str:
    return TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def first_cells(text: str) -> list[str]:
    return [line.split(" | ")[0].removeprefix("| ") for line in text.splitlines() if line.startswith("| ")]


def test_every_generated_table_is_up_to_date() -> None:
    assert sorted(found[2] for found in tables.TABLE.finditer(TEXT)) == sorted(tables.TABLES)
    assert tables.render(TEXT) == TEXT, "run: make contract"


def test_a_new_option_changes_the_table() -> None:
    options = dataclasses.make_dataclass("Options", [("colour", str, dataclasses.field(default="a|b"))])
    assert "| `colour` | text | `a\\|b` |" in tables.options(options, "variable", as_variable)


def test_every_path_is_named() -> None:
    paths = Paths(Path("/opt/ml"))
    named = [str(getattr(paths, name)) for name, value in vars(Paths).items() if isinstance(value, property)]
    assert len(named) > 15
    assert [path for path in named if f"`{path}" not in TEXT] == []


def test_every_field_of_the_card_is_named_and_no_other() -> None:
    named = re.findall(r"`(\w+)`", " ".join(first_cells(section("The card"))))
    card = Card("text", (), TokenizerReference("x", "0"), 8, 42, {}, RowCounts(), {})
    assert sorted(named) == sorted(card.to_json())


def test_exit_statuses_are_those_of_the_code() -> None:
    statuses = {int(cell) for cell in first_cells(section("Failures")) if cell.isdigit()}
    assert statuses == {EXIT_OK, EXIT_BUG, EXIT_USER_ERROR, 128 + 2}
    assert f"at most {REASON_LIMIT:,} bytes" in section("Failures")


def test_every_status_of_the_description_is_explained() -> None:
    statuses = set(re.findall(r"\b[45]\d\d\b", tables.routes()))
    assert len(statuses) > 4
    assert statuses <= set(re.findall(r"\d+", " ".join(first_cells(section("Inference")))))
    assert f"more than {MOST_HEADER_BYTES:,} bytes" in section("Inference")
    assert f"those that run {FINISH_SECONDS:.0f} seconds" in section("Inference")


def test_every_log_line_is_in_the_code() -> None:
    lines = re.findall(r"^\| (processing|training|inference) \| `(.+?)` \|", section("Log lines"), re.MULTILINE)
    assert len(lines) > 10
    for image, line in lines[1:]:
        assert any(f'"{line}"' in path.read_text() for path in (ROOT / image).rglob("*.py")), line


def test_the_line_of_a_processing_job_is_what_the_report_says() -> None:
    line = re.findall(r"^\| processing \| `(.+?)` \|", section("Log lines"), re.MULTILINE)[0]
    card = Card("text", (), TokenizerReference("x", "0"), 8, 42, {"train": 10}, RowCounts(10, 10), {})
    assert re.fullmatch(re.escape(line).replace("%s", ".+"), summary(card, 1.0))


def test_the_images_set_the_defaults_of_the_hub() -> None:
    named = re.findall(r"^\| `(HF_\w+)` \| `(\d)` \|", section("Images"), re.MULTILINE)
    assert len(named) == 2
    shared = (ROOT / "images" / "Dockerfile").read_text().split("\nFROM shared ")[0]
    assert all(f"{name}={value}" in shared for name, value in named)


def test_every_link_of_the_contract_is_valid() -> None:
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    headings = re.findall(r"^#{2,3} (.+)$", TEXT, re.MULTILINE)
    anchors = {"#" + heading.lower().replace("'", "").replace(" ", "-") for heading in headings}
    assert len(links) > 10
    assert [link for link in links if link not in anchors and not (ROOT / "docs" / link).exists()] == []
