"""Writes a small untrained BERT with a WordPiece tokenizer, for the demo and the self-tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY_SIZE = 2000


def train_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """Train a lower-casing WordPiece tokenizer on `texts`; it adds BERT's [CLS] and [SEP]."""
    tokenizer = word_piece({})
    trainer = trainers.WordPieceTrainer(vocab_size=VOCABULARY_SIZE, special_tokens=SPECIAL_TOKENS, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return with_ends(tokenizer)


def make_tokenizer(vocabulary: Sequence[str]) -> Tokenizer:
    """A lower-casing WordPiece tokenizer with a given vocabulary; a token's id is its index."""
    return with_ends(word_piece({token: index for index, token in enumerate(vocabulary)}))


def word_piece(ids: dict[str, int]) -> Tokenizer:
    """BERT's WordPiece tokenizer with the vocabulary `ids`, without special tokens around texts."""
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))  # noqa: S106 (not a password)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def with_ends(tokenizer: Tokenizer) -> Tokenizer:
    """Make `tokenizer` add [CLS] and [SEP] around each text; returns it."""
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", sep), ("[CLS]", cls))
    return tokenizer


def write_model(folder: Path, texts: Iterable[str], max_length: int, token_types: bool = False, **settings: Any) -> Any:
    """Write a model folder without weights, from which training can start: config.json and the tokenizer's files.

    Args:
        token_types: whether the tokenizer gives token_type_ids, as BERT's does.
        settings: further arguments of transformers.BertConfig, which is returned.
    """
    # Imported late: it takes seconds, and the tokenizer functions do not need it.
    from transformers import BertConfig, PreTrainedTokenizerFast

    tokenizer = train_tokenizer(texts)
    names = dict(zip(("pad", "unk", "cls", "sep", "mask"), SPECIAL_TOKENS, strict=True))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=max_length,
        model_input_names=["input_ids", *(["token_type_ids"] if token_types else []), "attention_mask"],
        **{f"{name}_token": token for name, token in names.items()},
    ).save_pretrained(folder)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=256,
        max_position_embeddings=max_length,
        architectures=["BertForSequenceClassification"],
        **settings,
    )
    config.save_pretrained(folder)
    return config
