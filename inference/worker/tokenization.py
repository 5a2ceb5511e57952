"""Texts to token ids by the model folder's tokenizer.json.

transformers' AutoTokenizer may build a tokenizer of its own from the vocabulary; the file is
what processing tokenized with and what the card's fingerprint covers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract import tokenizer
from contract.failures import UserError
from contract.tokenizer import TOKENIZER_FILE
from inference.worker.request import Text


@dataclass(frozen=True)
class Encoded:
    """One tokenized text.

    Attributes:
        ids: token ids, special tokens included.
        types: 0 for tokens of the first text, 1 for those of its pair; as long as ids.
        truncated: whether tokens were cut off.
    """

    ids: list[int]
    types: list[int]
    truncated: bool

    def __len__(self) -> int:
        return len(self.ids)


class TextTokenizer:
    """The tokenizer of a model.

    Args:
        backend: a tokenizers.Tokenizer; truncation and padding that its file sets are turned off.
        settings: the content of tokenizer_config.json.
        truncation_side: where a text that is too long loses tokens, right or left.

    Attributes:
        max_length: longest text in tokens that the settings allow; None where they have no limit.
        pad_id: the padding token that the settings name; None for none.
    """

    def __init__(self, backend: Any, settings: dict[str, Any], truncation_side: str) -> None:
        backend.no_truncation()
        backend.no_padding()
        self._backend = backend
        self._limit: int | None = None
        self._truncation_side = truncation_side
        self.max_length = settings.get("model_max_length")
        self.pad_id: int | None = backend.token_to_id(token_text(settings.get("pad_token")))

    @classmethod
    def read(cls, folder: Path) -> TextTokenizer:
        """The tokenizer in `folder`.

        Raises:
            UserError: its files cannot be read.
        """
        # Imported late: it takes its parallelism from the environment when it loads.
        from tokenizers import Tokenizer

        path = folder / TOKENIZER_FILE
        try:
            backend = Tokenizer.from_file(str(path))
        except Exception as error:  # tokenizers raises plain Exception
            raise UserError(f"tokenizer {path} cannot be read: {error}") from None
        side = tokenizer.truncation_side(path, backend.truncation)
        return cls(backend, tokenizer.config(path), side)

    def encode(self, texts: Sequence[Text], limit: int) -> list[Encoded]:
        """Token ids of each text, at most `limit` of them."""
        if limit != self._limit:
            self._backend.enable_truncation(limit, direction=self._truncation_side)
            self._limit = limit
        inputs = [text.text if text.pair is None else (text.text, text.pair) for text in texts]
        return [
            Encoded(encoding.ids, encoding.type_ids, bool(encoding.overflowing))
            for encoding in self._backend.encode_batch_fast(inputs)
        ]

    def special_tokens(self, pair: bool) -> int:
        """How many special tokens are added to a text, or to a pair."""
        return self._backend.num_special_tokens_to_add(pair)


def token_text(token: Any) -> str:
    """The text of a token in tokenizer_config.json, which spells it as a text or as an object."""
    return str(token.get("content", "")) if isinstance(token, dict) else str(token or "")
