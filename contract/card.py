"""card.json: tokenizer, label names, max_length and row counts, carried from splits to model to endpoint.

Processing writes card.json beside each split, training checks it and copies it into the model
folder, inference takes label names and max_length from it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contract.failures import UserError
from contract.files import read_json, write_json

CARD_FILE = "card.json"
FORMAT_VERSION = 1
TASK = "text-classification"


@dataclass(frozen=True)
class TokenizerReference:
    """Which tokenizer made the ids."""

    name: str
    sha256: str
    revision: str | None = None


@dataclass(frozen=True)
class RowCounts:
    """What became of the rows: `read` = `kept` + all filtered + all rejected."""

    read: int = 0
    kept: int = 0
    filtered: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)

    def balanced(self) -> bool:
        return self.read == self.kept + sum(self.filtered.values()) + sum(self.rejected.values())


@dataclass(frozen=True)
class Card:
    """Everything that travels from raw text to answers.

    Attributes:
        label_names: name of class i at position i; empty for unlabelled data.
        max_length: longest row in tokens, special tokens included; longer text was truncated.
        splits: rows per split, over this host's folder.
        versions: of the image and the libraries that made it.
        training: what training adds (base model, metrics); None before.
        decision_threshold: of two labels, the probability of the second from which on it is the
            answer; None means that the more probable one is.
        partial: whether the training was stopped before its end, so that a better model was to come.
    """

    text_column: str
    label_names: tuple[str, ...]
    tokenizer: TokenizerReference
    max_length: int
    seed: int
    splits: dict[str, int]
    rows: RowCounts
    versions: dict[str, str]
    task: str = TASK
    training: dict[str, Any] | None = None
    decision_threshold: float | None = None
    partial: bool = False
    format_version: int = FORMAT_VERSION

    def write(self, folder: Path) -> None:
        """Write card.json into `folder`, complete or not at all."""
        write_json(folder / CARD_FILE, self.to_json())

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def read(cls, folder: Path) -> Card:
        """The card in `folder`.

        Raises:
            UserError: there is none, it is no card, or it is of a later format.
        """
        path = folder / CARD_FILE
        return cls.from_json(read_json(path, "card"), str(path))

    @classmethod
    def from_json(cls, content: Any, source: str) -> Card:
        """The card in parsed JSON; fields this version does not know are ignored."""
        if not isinstance(content, dict) or "format_version" not in content:
            raise UserError(f"card {source} has no format_version; expected a card written by these images")
        if content["format_version"] > FORMAT_VERSION:
            raise UserError(
                f"card {source} has format_version {content['format_version']}, expected at most {FORMAT_VERSION}: "
                "use an image at least as new as the one that wrote it"
            )
        known = {f.name for f in dataclasses.fields(cls)}
        try:
            values = {key: value for key, value in content.items() if key in known}
            values["label_names"] = tuple(map(str, values["label_names"]))
            values["tokenizer"] = TokenizerReference(**values["tokenizer"])
            values["rows"] = RowCounts(**values["rows"])
            return cls(**values)
        except (KeyError, TypeError) as error:
            raise UserError(f"card {source} is incomplete: {error}") from None
