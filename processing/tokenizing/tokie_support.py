"""Which tokenizer structures and which characters tokie is proven to encode exactly; the texts it may get.

A structure or a text that is not listed here goes to the tokenizers library. Every character listed is
compared in the tests, in every position, and so are generated texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from processing.arrays import buffer_values, text_bytes, to_arrow

# Printable ASCII and Latin, tab and line ends, the controls that old encodings leave behind, and the
# assigned part of General Punctuation.
WORDPIECE_UNPROVEN = "[^\t\n\r -~\u0080-\u00ac\u00ae-\u024f\u2010-\u2027\u2030-\u205e]"
# Without the no-break space and the next-line control, which are white space. After a line end or a tab
# tokie does not see a contraction as the library does.
BYTE_LEVEL_UNPROVEN = (
    "[^\t\n\r -~\u0080-\u0084\u0086-\u009f\u00a1-\u00ac\u00ae-\u024f\u2010-\u2027\u2030-\u205e]|[\t\n\r]'"
)
MOST_LITERALS = 20
# Literals that start alike are looked for by their common start: [unused0], [unused1], ...
COMMON_START = 5
# The bytes of ASCII's printable characters, proven in every position of every proven tokenizer.
PRINTABLE = range(0x20, 0x7F)
BYTES = 256


@dataclass(frozen=True)
class Proven:
    """The texts that tokie encodes as the library does.

    Attributes:
        unproven: regular expression that finds something in any other text, as Python and RE2 read it.
        literals: starts of added tokens, which are in other texts only.
    """

    unproven: str
    literals: tuple[str, ...]

    def holds(self, texts: pa.Array) -> NDArray[np.bool_]:
        """bool [texts], true where one of `texts` (strings without nulls) is proven."""
        proven: NDArray[np.bool_] = np.ones(len(texts), bool)
        starts = {literal.encode()[0] for literal in self.literals}
        # Most texts are plain ASCII, which is seen in less than half of the time that the pattern takes.
        doubtful = np.flatnonzero(holding_other_bytes(texts, starts))
        if len(doubtful):
            proven[doubtful] = ~self._found(texts.take(to_arrow(doubtful)))
        return proven

    def _found(self, texts: pa.Array) -> NDArray[np.bool_]:
        """bool [texts], true where one holds what is unproven."""
        # Imported late: it takes as long as all of pyarrow, and the first rows are read meanwhile.
        import pyarrow.compute as pc

        pattern = "|".join([self.unproven, *map(escaped, self.literals)])
        found = pc.match_substring_regex(texts, pattern)
        bits = np.unpackbits(buffer_values(found.buffers()[1], np.uint8), bitorder="little")
        return bits[found.offset : found.offset + len(found)].astype(bool)


def holding_other_bytes(texts: pa.Array, doubtful: Iterable[int]) -> NDArray[np.bool_]:
    """bool [texts], true where one of `texts` holds a byte that is not printable ASCII, or one of `doubtful`."""
    ends, content = text_bytes(texts)
    # Unsigned: what comes before the first printable character comes after the last.
    other = content - np.uint8(PRINTABLE[0]) > np.uint8(PRINTABLE[-1] - PRINTABLE[0])
    for byte in doubtful:
        other |= content == byte
    found: NDArray[np.bool_] = np.zeros(len(texts), bool)
    found[np.searchsorted(ends, np.flatnonzero(other), side="right")] = True
    return found


def escaped(text: str) -> str:
    """`text` as a regular expression that finds just it."""
    return "".join(f"\\x{{{ord(character):x}}}" for character in text)


def proven(content: Mapping[str, Any]) -> Proven | None:
    """The texts that tokie is proven on with the tokenizer.json `content`; None for an unproven structure."""
    added = content.get("added_tokens") or ()
    literals = distinct([token["content"] for token in added])
    if len(literals) > MOST_LITERALS or "" in literals:
        return None
    if is_wordpiece(content) and not any(token.get("normalized") for token in added):
        return Proven(WORDPIECE_UNPROVEN, literals)
    # Its normalizer leaves the proven texts as they are, so a literal of ASCII is in them or it is not.
    if is_byte_level(content) and all(token["content"].isascii() for token in added):
        return Proven(BYTE_LEVEL_UNPROVEN, literals)
    return None


def distinct(literals: Iterable[str]) -> tuple[str, ...]:
    """The fewest texts one of which is in every text that holds one of `literals`."""
    starts = sorted({literal[:COMMON_START] for literal in literals}, key=len)
    return tuple(start for n, start in enumerate(starts) if not any(shorter in start for shorter in starts[:n]))


def is_wordpiece(content: Mapping[str, Any]) -> bool:
    """Whether `content` is BERT's WordPiece."""
    model = content["model"]
    parts = [(content.get(name) or {}).get("type") for name in ("normalizer", "pre_tokenizer")]
    return (
        parts == ["BertNormalizer", "BertPreTokenizer"]
        and model.get("type") == "WordPiece"
        and model.get("continuing_subword_prefix") == "##"
        and model.get("max_input_chars_per_word") == 100
        and model.get("unk_token") in model.get("vocab", {})
    )


def is_byte_level(content: Mapping[str, Any]) -> bool:
    """Whether `content` is byte-level BPE as GPT-2, RoBERTa and ModernBERT have it."""
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
        # Every byte is a token, so that nothing is unknown.
        and sum(len(piece) == 1 for piece in model.get("vocab", {})) >= BYTES
    )
