"""Tokenizer structures and texts for which nanotoken and tokie are proven to give the tokenizers library's ids.

Other texts, and tokenizers of another structure, are encoded by the tokenizers library. nanotoken is proven for all
texts, tokie for those of some characters: the tests compare every such character in each position, and generated texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from processing.arrays import buffer_values, take, text_bytes

NANOTOKEN, TOKIE = "nanotoken", "tokie"
# All except: printable ASCII and Latin, tab and line ends, C1 control characters (which wrong encodings leave behind),
# and the assigned characters of General Punctuation that are no white space. An apostrophe after a line end or a tab is
# unproven: tokie splits contractions there differently.
BYTE_LEVEL_UNPROVEN = (
    "[^\t\n\r -~\u0080-\u0084\u0086-\u009f\u00a1-\u00ac\u00ae-\u024f\u2010-\u2027\u2030-\u205e]|[\t\n\r]'"
)
MOST_LITERALS = 20
# Length of the common prefix by which similar added tokens are searched: [unused0], [unused1], ...
COMMON_START = 5
# The bytes of printable ASCII characters, which are proven for every proven tokenizer.
PRINTABLE = range(0x20, 0x7F)
BYTES = 256
LARGEST_ID = 1 << 22


@dataclass(frozen=True)
class ProvenTexts:
    """The texts for which a fast library gives the same ids as tokenizers.

    Attributes:
        library: the fast library, NANOTOKEN or TOKIE.
        unproven: regular expression (Python and RE2 syntax) that matches in every other text; None for no other text.
        literals: prefixes of added tokens; a text that contains one is not proven.
        added: the added tokens, where texts that contain them are proven.
    """

    library: str
    unproven: str | None = None
    literals: tuple[str, ...] = ()
    added: tuple[str, ...] = ()

    def holds(self, texts: pa.Array) -> NDArray[np.bool_]:
        """Which of `texts` (strings without nulls) are proven: bool [texts]."""
        proven: NDArray[np.bool_] = np.ones(len(texts), bool)
        if self.unproven is None:
            return proven
        starts = {literal.encode()[0] for literal in self.literals}
        # Most texts are plain ASCII, which is checked in less than half of the time of the regular expression.
        doubtful = np.flatnonzero(holding_other_bytes(texts, starts))
        if len(doubtful):
            pattern = "|".join([self.unproven, *map(escaped, self.literals)])
            proven[doubtful] = ~matching(take(texts, doubtful), pattern)
        return proven


def matching(texts: pa.Array, pattern: str) -> NDArray[np.bool_]:
    """Which of `texts` match the regular expression `pattern` (RE2 syntax): bool [texts]."""
    # Imported late: the import is slow, and DuckDB reads the first rows meanwhile.
    import pyarrow.compute as pc

    matches = pc.match_substring_regex(texts, pattern)
    bits = np.unpackbits(buffer_values(matches.buffers()[1], np.uint8), bitorder="little")
    return bits[matches.offset : matches.offset + len(matches)].astype(bool)


def holding_other_bytes(texts: pa.Array, doubtful: Iterable[int]) -> NDArray[np.bool_]:
    """Which of `texts` contain a byte that is not printable ASCII, or one of `doubtful`: bool [texts]."""
    ends, content = text_bytes(texts)
    # In unsigned arithmetic bytes below the first printable character wrap around to large values.
    other = content - np.uint8(PRINTABLE[0]) > np.uint8(PRINTABLE[-1] - PRINTABLE[0])
    for byte in doubtful:
        other |= content == byte
    result: NDArray[np.bool_] = np.zeros(len(texts), bool)
    result[np.searchsorted(ends, np.flatnonzero(other), side="right")] = True
    return result


def escaped(text: str) -> str:
    """A regular expression that matches exactly `text`."""
    return "".join(f"\\x{{{ord(character):x}}}" for character in text)


def proven(content: Mapping[str, Any]) -> ProvenTexts | None:
    """The texts that a fast library is proven for with the parsed tokenizer.json `content`; None if there is none."""
    added = content.get("added_tokens") or ()
    if is_wordpiece(content):
        texts = tuple(token["content"] for token in added)
        # Of tokens of white space that take the white space around them, tokenizers makes one of several in a row; of
        # tokens with the same text, it takes another one.
        are_usual = len(set(texts)) == len(texts) and not any(map(str.isspace, ends_of(texts)))
        return ProvenTexts(NANOTOKEN, added=texts) if are_usual and has_small_ids(content) else None
    literals = distinct([token["content"] for token in added])
    # Normalization does not change proven texts, so ASCII literals can be searched in the original text.
    if is_byte_level(content) and len(literals) <= MOST_LITERALS and all(text and text.isascii() for text in literals):
        return ProvenTexts(TOKIE, BYTE_LEVEL_UNPROVEN, literals)
    return None


def ends_of(texts: Iterable[str]) -> set[str]:
    """The first and last characters of `texts`."""
    return {end for text in texts for end in (text[:1], text[-1:])}


def has_small_ids(content: Mapping[str, Any]) -> bool:
    """Whether no id exceeds LARGEST_ID: nanotoken has a table of 16 bytes for each up to the largest."""
    added = (token["id"] for token in content.get("added_tokens") or ())
    return max([*content["model"]["vocab"].values(), *added], default=0) <= LARGEST_ID


def splits_at_spaces(content: Mapping[str, Any]) -> bool:
    """Whether a text has the tokens of its parts, if it is divided before single spaces between letters or digits.

    Holds for WordPiece and byte-level BPE, which split texts at spaces before they tokenize the words,
    unless an added token can reach over such a space.

    Args:
        content: the parsed tokenizer.json.
    """
    if not (is_wordpiece(content) or is_byte_level(content)):
        return False
    return not any(reaches_over_space(token) for token in content.get("added_tokens") or ())


def reaches_over_space(token: Mapping[str, Any]) -> bool:
    """Whether an added token can contain the space after a letter or digit, or take one that follows it."""
    text = token["content"]
    takes_next = token.get("rstrip") and text[-1:].isalnum()
    return bool(takes_next) or re.search("[A-Za-z0-9] ([A-Za-z0-9]|$)", text) is not None


def distinct(literals: Iterable[str]) -> tuple[str, ...]:
    """The smallest set of prefixes of `literals` such that a text with one of `literals` contains one of them."""
    starts = sorted({literal[:COMMON_START] for literal in literals}, key=len)
    return tuple(start for n, start in enumerate(starts) if not any(shorter in start for shorter in starts[:n]))


def is_wordpiece(content: Mapping[str, Any]) -> bool:
    """Whether the parsed tokenizer.json `content` is a WordPiece tokenizer with BERT's normalizer and pre-tokenizer."""
    model = content["model"]
    parts = [(content.get(name) or {}).get("type") for name in ("normalizer", "pre_tokenizer")]
    return (
        parts == ["BertNormalizer", "BertPreTokenizer"]
        and model.get("type") == "WordPiece"
        and model.get("unk_token") in model.get("vocab", {})
    )


def is_byte_level(content: Mapping[str, Any]) -> bool:
    """Whether the parsed tokenizer.json `content` is a byte-level BPE tokenizer as in GPT-2, RoBERTa and ModernBERT."""
    model, before = content["model"], content.get("pre_tokenizer") or {}
    unusual = (
        "dropout",
        "continuing_subword_prefix",
        "end_of_word_suffix",
        "fuse_unk",
        "byte_fallback",
        "ignore_merges",
    )
    return (
        (content.get("normalizer") or {"type": None})["type"] in (None, "NFC")
        and before.get("type") == "ByteLevel"
        and not before.get("add_prefix_space")
        and before.get("use_regex", True)
        and model.get("type") == "BPE"
        and not any(model.get(name) for name in unusual)
        # Every byte is a token, so that there are no unknown tokens.
        and sum(len(piece) == 1 for piece in model.get("vocab", {})) >= BYTES
    )
