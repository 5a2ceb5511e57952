"""card.json: tokenizer, label names, max_length, row counts (kept, rejected), carried from splits to endpoint.

Processing writes card.json next to each split; training checks it and writes it, with its metrics, into
the model folder; inference takes label names, max_length and decision threshold from it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contract.failures import UserError
from contract.files import read_json, write_json

CARD_FILE = "card.json"
# 1: one label of several classes and one text. 2: whatever else a card can say, which older images would misread.
FORMAT_VERSION = 2
TASK = "text-classification"
# problem_type of transformers' configurations: cross entropy, binary cross entropy of each label, mean squared error.
SINGLE_LABEL, MULTI_LABEL, REGRESSION = PROBLEM_TYPES = (
    "single_label_classification",
    "multi_label_classification",
    "regression",
)
# How the two texts of a row are truncated, in the tokenizer's words.
LONGEST_FIRST, ONLY_FIRST, ONLY_SECOND = TRUNCATIONS = ("longest_first", "only_first", "only_second")


@dataclass(frozen=True)
class TokenizerReference:
    """The tokenizer that produced the token ids: its name, and the fingerprint of its tokenizer.json."""

    name: str
    sha256: str
    revision: str | None = None


@dataclass(frozen=True)
class RowCounts:
    """Numbers of rows: `read` = `kept` + all filtered + all rejected, the latter two by reason."""

    read: int = 0
    kept: int = 0
    filtered: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)

    def balanced(self) -> bool:
        """Whether every row that was read is counted exactly once."""
        return self.read == self.kept + sum(self.filtered.values()) + sum(self.rejected.values())


@dataclass(frozen=True)
class Card:
    """The content of card.json.

    Attributes:
        label_names: name of class i at position i; empty for unlabelled data; one name for regression.
        max_length: longest row in tokens, special tokens included; longer text was truncated.
        splits: number of rows per split in this host's folders.
        versions: versions of the image and of the libraries that produced the data or the model.
        training: base model, hyperparameters and metrics, added by training; None before.
        decision_threshold: for two labels, the least probability of the second label with which it is
            predicted; None means that the more probable label is predicted.
        int8_accuracy_loss: accuracy of the exported fp32 model on validation rows minus that of the int8 one, in
            percentage points; None if none was exported.
        partial: whether training was stopped before its end, so that the model is not the final one.
        problem_type: one of PROBLEM_TYPES.
        text_pair_column: where the second text of each row came from; None for rows of one text.
        truncation: one of TRUNCATIONS, for rows of two texts.
        label_thresholds: for multi_label_classification, the least probability of each label with which it is
            predicted; None means that no threshold was chosen.
        temperature: by which logits are divided before scores are computed from them; None for 1.
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
    int8_accuracy_loss: float | None = None
    partial: bool = False
    problem_type: str = SINGLE_LABEL
    text_pair_column: str | None = None
    truncation: str = LONGEST_FIRST
    label_thresholds: tuple[float, ...] | None = None
    temperature: float | None = None

    def write(self, folder: Path) -> None:
        """Write card.json into `folder`, complete or not at all."""
        write_json(folder / CARD_FILE, self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The card as a JSON object, in the oldest format that says all of it."""
        newer = (self.text_pair_column, self.label_thresholds, self.temperature)
        is_old = self.problem_type == SINGLE_LABEL and all(value is None for value in newer)
        return {**dataclasses.asdict(self), "format_version": 1 if is_old else FORMAT_VERSION}

    @classmethod
    def read(cls, folder: Path) -> Card:
        """Read card.json in `folder`.

        Raises:
            UserError: the file is missing, is not a card, or has a newer format_version.
        """
        path = folder / CARD_FILE
        return cls.from_json(read_json(path, "card"), str(path))

    @classmethod
    def from_json(cls, content: Any, source: str) -> Card:
        """The card in parsed JSON; unknown fields are ignored.

        Args:
            source: name of the card in errors.

        Raises:
            UserError: `content` is not a card, or has a newer format_version.
        """
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
            if values.get("label_thresholds") is not None:
                values["label_thresholds"] = tuple(map(float, values["label_thresholds"]))
            card = cls(**values)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"card {source} is incomplete: {error}") from None
        card.check(source)
        return card

    def check(self, source: str) -> None:
        """Raises UserError: problem_type, truncation or temperature is none that these images know."""
        for name, known in (("problem_type", PROBLEM_TYPES), ("truncation", TRUNCATIONS)):
            if getattr(self, name) not in known:
                raise UserError(f"card {source} has {name} {getattr(self, name)!r}, expected one of {', '.join(known)}")
        if self.temperature is not None and not self.temperature > 0:
            raise UserError(f"card {source} has temperature {self.temperature}, expected a number above 0")
