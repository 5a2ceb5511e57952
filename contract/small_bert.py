"""A small untrained BERT with a WordPiece vocabulary, for the demo and the self-tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY_SIZE = 2000


def train_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """A lower-casing WordPiece tokenizer that adds BERT's [CLS] and [SEP], its vocabulary learned from `texts`."""
    tokenizer = word_piece({})
    trainer = trainers.WordPieceTrainer(vocab_size=VOCABULARY_SIZE, special_tokens=SPECIAL_TOKENS, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return with_ends(tokenizer)


def make_tokenizer(vocabulary: Sequence[str]) -> Tokenizer:
    """The same of a given vocabulary, whose tokens are numbered in its order."""
    return with_ends(word_piece({token: index for index, token in enumerate(vocabulary)}))


def word_piece(ids: dict[str, int]) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))  # noqa: S106 (a token of the vocabulary, no password)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def with_ends(tokenizer: Tokenizer) -> Tokenizer:
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", sep), ("[CLS]", cls))
    return tokenizer


def write_model(folder: Path, texts: Iterable[str], max_length: int, **settings: Any) -> Any:
    """Write config.json and the tokenizer's files: a folder that training starts from, without weights.

    `settings` are further ones of BertConfig. Returns the configuration, a transformers.BertConfig.
    """
    # Imported here: seconds that whoever wants the tokenizer alone need not pay.
    from transformers import BertConfig, PreTrainedTokenizerFast

    tokenizer = train_tokenizer(texts)
    names = dict(zip(("pad", "unk", "cls", "sep", "mask"), SPECIAL_TOKENS, strict=True))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=max_length,
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
