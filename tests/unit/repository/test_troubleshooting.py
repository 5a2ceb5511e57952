"""The messages in docs/troubleshooting.md are those of the code."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "troubleshooting.md").read_text()
PACKAGES = ("contract", "processing", "training", "inference")
LEAST = 9  # least characters by which a message can be recognized


def literals() -> set[str]:
    """Literal parts of the code's messages, between their values."""
    files = (file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
    constants = (
        node.value
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value
    )
    parts = (part.strip() for constant in constants for part in re.split(r"%[.\d]*[a-z]|\{\w*\}", constant))
    return {part for part in parts if len(part) >= LEAST and " " in part}


def sentences(heading: str) -> list[str]:
    """Messages among the symptoms of a section: code with several words."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    symptoms = [line.split(" | ")[0] for line in section.splitlines() if line.startswith("| ")]
    return [code for symptom in symptoms for code in re.findall(r"`([^`]+)`", symptom) if code.count(" ") > 2]


@pytest.mark.parametrize("heading", ["Any image", "Processing", "Training", "Inference"])
def test_every_message_of_the_document_is_in_the_code(heading: str) -> None:
    found, known = sentences(heading), literals()
    assert len(found) > 2
    assert [message for message in found if not is_known(message, known)] == []


def is_known(message: str, known: set[str]) -> bool:
    """Whether the message contains a literal part of the code, or a piece of it is within one."""
    pieces = [piece.strip() for piece in message.split("...") if len(piece.strip()) >= LEAST]
    return any(part in message or any(piece in part for piece in pieces) for part in known)
