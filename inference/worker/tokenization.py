"""TextTokenizer: tokenizes texts and pairs with the model folder's tokenizer.json.

Where there is one, transformers' AutoTokenizer is not used, since it may build another tokenizer from the vocabulary;
processing tokenized with tokenizer.json, and the card's fingerprint is of that file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from contract import tokenizer
from contract.card import LONGEST_FIRST
from contract.failures import UserError
from contract.pairs import PairJoiner, Template, template_of
from contract.tokenizer import TOKENIZER_FILE
from inference.errors import bad_request
from inference.worker.request import Text
from inference.worker.tokenizer_conversion import convert

# Characters for each token of the limit, and besides, from which a text is longer than what has to be tokenized.
CHARACTERS_PER_TOKEN, MORE_CHARACTERS = 32, 1_024
# The same for each text of a pair.
PAIR_CHARACTERS = 1 << 18
# Tokens that an excerpt must have beyond the limit: those where it is cut may not be the ones of the whole text.
SPARE_TOKENS = 64
# Longest text in characters that is tokenized as a whole, which takes about a second.
MOST_CHARACTERS = 1 << 21
# Difference in characters of two excerpts: a prime number above the length of usual tokens. Of a character that is
# repeated Unigram tokenizers count tokens from the end of a text, so that two such excerpts have other tokens.
UNEVEN = 61


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
    """The tokenizer of a model folder.

    Args:
        backend: a tokenizers.Tokenizer; its own truncation and padding are turned off.
        settings: the content of tokenizer_config.json.
        truncation_side: side on which a text that is too long is truncated, right or left.
        strategy: which text of a pair is truncated: longest_first, only_first or only_second.

    Attributes:
        max_length: model_max_length of the settings; None if they have none.
        pad_id: id of the settings' pad_token; None if they have none.
        size: tokens of its vocabulary, without those that were added to it.
    """

    def __init__(
        self, backend: Any, settings: dict[str, Any], truncation_side: str, strategy: str = LONGEST_FIRST
    ) -> None:
        backend.no_truncation()
        backend.no_padding()
        self._backend = backend
        self._limit: int | None = None
        self._template: Template | None = None
        self._truncation_side, self._strategy = truncation_side, strategy
        self.max_length = settings.get("model_max_length")
        self.size: int = backend.get_vocab_size(with_added_tokens=False)
        self.pad_id: int | None = backend.token_to_id(token_text(settings.get("pad_token")))

    @classmethod
    def read(cls, folder: Path, strategy: str = LONGEST_FIRST) -> TextTokenizer:
        """Load the tokenizer in `folder`: its tokenizer.json, else what transformers makes of its vocabulary.

        Args:
            strategy: of the truncation of pairs.

        Raises:
            UserError: its files cannot be read.
        """
        # Imported late: it reads its parallelism from the environment when it is imported.
        from tokenizers import Tokenizer

        path = folder / TOKENIZER_FILE
        try:
            backend = Tokenizer.from_file(str(path)) if path.is_file() else convert(folder)
        except UserError:
            raise
        except Exception as error:  # tokenizers raises plain Exception
            raise UserError(f"tokenizer {path} cannot be read: {error}") from None
        side = tokenizer.truncation_side(path, backend.truncation)
        return cls(backend, tokenizer.config(path), side, strategy)

    def encode(self, texts: Sequence[Text], limit: int) -> list[Encoded]:
        """Tokenize texts, each truncated at `limit` tokens.

        Raises:
            RequestError: 400, the text of a pair that is not to be truncated is too long, the tokenizer joins pairs in
                an unusual way, or a text of more than MOST_CHARACTERS has hardly any tokens.
        """
        rows: list[Encoded | None] = [None] * len(texts)
        single = [place for place, text in enumerate(texts) if text.pair is None]
        if single:
            encodings = self._truncated([texts[place].text for place in single], limit)
            for place, encoding in zip(single, encodings, strict=True):
                rows[place] = Encoded(encoding.ids, encoding.type_ids, bool(encoding.overflowing))
        pairs = [place for place, text in enumerate(texts) if text.pair is not None]
        if pairs:
            self._truncate(None)
            halves = [(texts[place].text, texts[place].pair or "") for place in pairs]
            shortened = [(self._shortened(one, limit), self._shortened(two, limit)) for one, two in halves]
            for place, row in zip(pairs, self._joiner(limit).encode(self._backend, shortened), strict=True):
                if len(row.ids) > limit:
                    raise bad_request(
                        f"a text of a pair is longer than {limit} tokens, and this model truncates {self._strategy}"
                    )
                rows[place] = Encoded(row.ids, row.type_ids, row.truncated)
        return [row for row in rows if row is not None]

    def _truncated(self, texts: list[str], limit: int) -> list[Any]:
        """The encodings of single texts, truncated at `limit` tokens.

        Of a very long text only an excerpt is tokenized: one of 20 MB would take many seconds, in which no other
        request is answered. If the excerpt does not decide about the tokens, the whole text is tokenized.

        Raises:
            RequestError: 400, that text has more than MOST_CHARACTERS.
        """
        self._truncate(limit)
        most = CHARACTERS_PER_TOKEN * limit + MORE_CHARACTERS
        parts = [excerpts(text, most, self._truncation_side) for text in texts]
        results = iter(self._backend.encode_batch_fast([part for own in parts for part in own]))
        found = [list(islice(results, len(own))) for own in parts]
        encodings = [own[0] for own in found]
        again = [
            place
            for place, text in enumerate(texts)
            if len(parts[place][0]) < len(text) and not have_same_tokens(found[place])
        ]
        if again:
            for place in again:
                check_length(texts[place])
            for place, encoding in zip(
                again, self._backend.encode_batch_fast([texts[place] for place in again]), strict=True
            ):
                encodings[place] = encoding
        return encodings

    def _shortened(self, text: str, limit: int) -> str:
        """A text of a pair, or an excerpt of a very long one with the same tokens where it is truncated.

        If both texts of a pair are that long, the number of tokens of the excerpts decides which one is the longer one,
        and gets one token more if their number is odd.

        Raises:
            RequestError: 400, there is no such excerpt of a text of more than MOST_CHARACTERS.
        """
        if len(text) <= PAIR_CHARACTERS:
            return text
        parts, side = excerpts(text, PAIR_CHARACTERS, self._truncation_side), self._truncation_side
        found = [encoding.ids for encoding in self._backend.encode_batch_fast(parts, add_special_tokens=False)]
        kept = [ids[-limit:] if side == "left" else ids[:limit] for ids in found]
        decides = min(map(len, found)) >= limit + SPARE_TOKENS and all(ids == kept[0] for ids in kept)
        if not decides:
            check_length(text)
        return parts[0] if decides else text

    def _truncate(self, limit: int | None) -> None:
        """Turn truncation of single texts on or off."""
        if limit == self._limit:
            return
        if limit is None:
            self._backend.no_truncation()
        else:
            self._backend.enable_truncation(limit, direction=self._truncation_side)
        self._limit = limit

    def _joiner(self, limit: int) -> PairJoiner:
        """Joins pairs as the tokenizer does; its truncation is off.

        Raises:
            RequestError: 400, the tokenizer does not put special tokens only before, between and after the texts.
        """
        if self._template is None:
            self._template = template_of(self._backend)
        if self._template is None:
            raise bad_request("this model takes no pairs: its tokenizer joins two texts in an unusual way")
        return PairJoiner(self._template, limit, self._strategy, self._truncation_side)

    def special_tokens(self, pair: bool) -> int:
        """Number of special tokens that are added to a text, or to a pair."""
        return self._backend.num_special_tokens_to_add(pair)


def excerpts(text: str, most: int, side: str) -> list[str]:
    """Excerpts of at most `most` characters, of the beginning of a text, or of its end if `side` is left.

    One that is cut at a space, where tokenizers split texts. If there is no space two of different lengths: where these
    have the same tokens, so has the whole text. A text that is not longer is returned as it is.
    """
    if len(text) <= most:
        return [text]
    if side == "left":
        start = text.find(" ", len(text) - most, len(text) - most // 2)
        return [text[start:].lstrip()] if start >= 0 else [text[-most:], text[UNEVEN - most :]]
    end = text.rfind(" ", most // 2, most)
    return [text[:end].rstrip()] if end >= 0 else [text[:most], text[: most - UNEVEN]]


def check_length(text: str) -> None:
    """Raises RequestError: 400, `text`, of which no excerpt suffices, has more than MOST_CHARACTERS."""
    if len(text) > MOST_CHARACTERS:
        raise bad_request(
            f"a text has {len(text):,} characters, and hardly any tokens; "
            f"expected at most {MOST_CHARACTERS:,} characters of such a text"
        )


def have_same_tokens(encodings: Sequence[Any]) -> bool:
    """Whether the encodings of a text's excerpts have the same tokens, and at least SPARE_TOKENS were cut off each."""
    return all(
        encoding.ids == encodings[0].ids and sum(map(len, encoding.overflowing)) >= SPARE_TOKENS
        for encoding in encodings
    )


def token_text(token: Any) -> str:
    """The text of a token in tokenizer_config.json, which has it as a string or as an object with `content`."""
    return str(token.get("content", "")) if isinstance(token, dict) else str(token or "")
