"""Writes a tiny BERT classifier with a WordPiece tokenizer, as the training image does."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from contract.card import Card, RowCounts, TokenizerReference
from contract.small_bert import make_tokenizer
from contract.tokenizer import TOKENIZER_FILE, fingerprint

LABELS = ("NEGATIVE", "POSITIVE")
MAX_LENGTH = 32
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = ("good", "bad", "film", "was", "the", "very", "dull", "bright", "story", "end")
VOCABULARY = (*SPECIAL, *LETTERS, *(f"##{letter}" for letter in LETTERS), *WORDS)


def tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=make_tokenizer(VOCABULARY),
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=MAX_LENGTH,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )
    wrapped.save_pretrained(folder)
    return wrapped


def write_model(
    folder: Path, labels: tuple[str, ...] = LABELS, problem_type: str | None = None, spread: float = 0.6
) -> Path:
    """Write a model with random weights, its tokenizer and its card into `folder`.

    With a standard deviation of 0.6 texts get different scores, so that swapped predictions are noticed.
    """
    tokenizer(folder)
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        initializer_range=spread,
        num_labels=len(labels),
        id2label=dict(enumerate(labels)),
        label2id={name: index for index, name in enumerate(labels)},
        problem_type=problem_type,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    card(folder, labels).write(folder)
    return folder


def card(folder: Path, labels: tuple[str, ...] = LABELS) -> Card:
    reference = TokenizerReference("tiny", fingerprint(folder / TOKENIZER_FILE))
    rows = RowCounts(read=2, kept=2)
    return Card("text", labels, reference, MAX_LENGTH, 13, {"train": 2}, rows, {"image": "test"})
