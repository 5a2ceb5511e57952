"""Trains a small tokenizer of each family of encoders, and changes settings of one."""

from __future__ import annotations

import json
import random
import unicodedata
from itertools import product
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

WORDS = ["the", "good", "film", "##s", "un", "##like", "##ly", "1", "##00"]
FAMILIES = ["uncased", "cased", "roberta", "modernbert", "xlmr", "deberta"]
# An added token of tokenizer.json, and changes to BERT's tokenizer.json.
ADDED = {"id": 99_999, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
SETTINGS = [
    *({"normalizer": {"type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": chinese,
                      "strip_accents": strip, "lowercase": lower}}
      for clean, chinese, strip, lower in product((True, False), (True, False), (True, False), (True, False))),
    {"model": {"max_input_chars_per_word": 5}},
    {"model": {"continuing_subword_prefix": ""}},
    {"added_tokens": [ADDED | {"content": "Film", "single_word": True}]},
    {"added_tokens": [ADDED | {"content": "Good", "normalized": True, "lstrip": True, "rstrip": True}]},
    {"added_tokens": [ADDED | {"content": "film the", "special": True}]},
]  # fmt: skip
PIECES = [chr(code) for code in range(33, 127)]


def wordpiece(is_lower: bool) -> Tokenizer:
    """A BERT tokenizer with every character of the first scripts in its vocabulary, so that none becomes [UNK]."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    known = [chr(code) for code in range(0x3100)]
    # Accents are stripped by decomposition, so the decomposed letters are in the vocabulary too.
    found = {part for c in known for text in (c, c.lower()) for part in (text, *unicodedata.normalize("NFD", text))}
    characters = sorted(part for part in found if part.strip())
    pieces = [*special, *WORDS, *characters, *(f"##{character}" for character in characters)]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.add_special_tokens(special)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=is_lower)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(sep=("[SEP]", 3), cls=("[CLS]", 2))
    return tokenizer


def texts_to_train_on() -> list[str]:
    pick = random.Random(0)
    words = [
        "don't",
        "it's",
        "film",
        "good",
        "unlikely",
        "\u00e9t\u00e9",
        "\u2014",
        "1990",
        "...",
        "A-B",
        "<br />",
        "we'll",
    ]
    return [" ".join(pick.choices(words, k=20)) for _ in range(60)]


def byte_level(normalizer: Any, special: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts_to_train_on(), trainer)
    return tokenizer


def roberta() -> Tokenizer:
    tokenizer = byte_level(None, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    tokenizer.post_processor = processors.RobertaProcessing(sep=("</s>", 2), cls=("<s>", 0), add_prefix_space=False)
    return tokenizer


def modernbert() -> Tokenizer:
    """A ModernBERT-like tokenizer, with tokens of several spaces and many unused tokens."""
    tokenizer = byte_level(normalizers.NFC(), ["[CLS]", "[SEP]", "[PAD]"])
    tokenizer.add_tokens([AddedToken(" " * count, normalized=True) for count in range(24, 1, -1)])
    tokenizer.add_special_tokens([f"[unused{number}]" for number in range(80)])
    return with_template(tokenizer, "[CLS]", "[SEP]")


def unigram(normalizer: Any, pre_tokenizer: Any, start: str, end: str) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizer
    trainer = trainers.UnigramTrainer(
        vocab_size=200, special_tokens=[start, end, "<unk>"], unk_token="<unk>", initial_alphabet=PIECES,
        show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(texts_to_train_on(), trainer)
    return with_template(tokenizer, start, end)


def with_template(tokenizer: Tokenizer, start: str, end: str) -> Tokenizer:
    special = [(name, tokenizer.token_to_id(name)) for name in (start, end)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{start} $A {end}", special_tokens=special)
    return tokenizer


def made(family: str) -> Tokenizer:
    one_space = normalizers.Replace(Regex(" {2,}"), " ")
    if family == "xlmr":
        before = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
        normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), one_space])
        return unigram(normalizer, before, "<s>", "</s>")
    if family == "deberta":
        normalizer = normalizers.Sequence([normalizers.Strip(), normalizers.NFKC(), one_space])
        return unigram(normalizer, pre_tokenizers.Metaspace(), "[CLS]", "[SEP]")
    if family == "roberta":
        return roberta()
    return modernbert() if family == "modernbert" else wordpiece(family == "uncased")


def with_added(bert: Path, folder: Path, *tokens: dict[str, Any]) -> Path:
    """The tokenizer.json `bert` with further added tokens."""
    content = json.loads(bert.read_text())
    content["added_tokens"] += [ADDED | token for token in tokens]
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(content))
    return path
