"""Loading: loads the tokenizer of a job and, beside its rows, what only the card and the report need."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from contract.tokenizer import fingerprint
from contract.versions import versions
from processing.options import ProcessingOptions
from processing.tokenizing.encoder import Encoder, LibraryEncoder
from processing.tokenizing.pairs import PairEncoder, library_encoder, row_encoder

LIBRARIES = ("duckdb", "pyarrow", "tokenizers", "nanotoken", "tokie", "numpy")


@dataclass
class Loading:
    """The tokenizer and what depends on it, each loaded on first use.

    Attributes:
        tokenizer: path of the tokenizer.json.
        background: thread for what is needed only at the end, which `encoder` starts on it.
    """

    tokenizer: Path
    options: ProcessingOptions
    background: ThreadPoolExecutor

    @cached_property
    def library(self) -> LibraryEncoder:
        """The tokenizer as the tokenizers library has it; raises UserError as LibraryEncoder."""
        return library_encoder(self.tokenizer, self.options)

    @cached_property
    def encoder(self) -> Encoder | PairEncoder:
        """The encoder of the rows; raises UserError as `library` and `row_encoder`."""
        found = row_encoder(self.library, self.options)
        _ = self.fingerprint, self.versions
        self.background.submit(compile_page)
        return found

    @cached_property
    def fingerprint(self) -> Future[str]:
        """The fingerprint of the tokenizer.json."""
        return self.background.submit(fingerprint, self.tokenizer)

    @cached_property
    def versions(self) -> Future[dict[str, str]]:
        """The versions of LIBRARIES."""
        return self.background.submit(versions, LIBRARIES)


def compile_page() -> None:
    """Import and compile what report.html is made of."""
    from processing.report import html_report

    html_report.compile_templates()
