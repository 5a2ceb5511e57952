"""Loading: loads the tokenizer of a job, and chooses how to encode its rows: texts or pairs, fast library or not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from processing.options import ProcessingOptions
from processing.tokenizing.encoder import Encoder, LibraryEncoder
from processing.tokenizing.fast_encoder import encoder
from processing.tokenizing.pairs import NO_LIMIT, PairEncoder, pair_encoder


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
        """The tokenizers library's encoder of single texts; raises UserError as LibraryEncoder."""
        return LibraryEncoder(self.tokenizer, NO_LIMIT if self.has_pairs else self.options.max_length)

    @cached_property
    def encoder(self) -> Encoder | PairEncoder:
        """The encoder of the rows; raises UserError as `library` and `pair_encoder`."""
        single = encoder(self.library, self.options.tokenizer_backend, self.size)
        if not self.has_pairs:
            return single
        return pair_encoder(self.library, single, self.options.max_length, self.options.truncation)

    @property
    def has_pairs(self) -> bool:
        """Whether a row has two texts."""
        return self.options.text_pair_column is not None
