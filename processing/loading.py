"""Loading: loads the tokenizer of a job."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from processing.options import ProcessingOptions
from processing.tokenizing.encoder import Encoder, LibraryEncoder
from processing.tokenizing.pairs import PairEncoder, library_encoder, row_encoder


@dataclass
class Loading:
    """The tokenizer, as the tokenizers library has it and as rows are encoded; each is loaded on first use.

    Attributes:
        tokenizer: path of the tokenizer.json.
        size: bytes of the input files.
    """

    tokenizer: Path
    options: ProcessingOptions
    size: int

    @cached_property
    def library(self) -> LibraryEncoder:
        """The tokenizer as the tokenizers library has it; raises UserError as LibraryEncoder."""
        return library_encoder(self.tokenizer, self.options)

    @cached_property
    def encoder(self) -> Encoder | PairEncoder:
        """The encoder of the rows; raises UserError as `library` and `row_encoder`."""
        return row_encoder(self.library, self.options, self.size)
