"""A small WordPiece vocabulary and a small BERT, untrained, where no model hub is at hand."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY_SIZE = 2000


def texts(path: Path, column: str) -> Iterator[str]:
    """The values of `column` in a tab-separated, unquoted file; broken lines are passed over."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row[column]:
                yield row[column]


def write_model(folder: Path, reviews: Path, column: str, max_length: int) -> None:
    """Write config.json and tokenizer.json: a folder that training starts from, without weights."""
    # Imported here: seconds that the rest of the demo need not pay.
    from transformers import BertConfig, PreTrainedTokenizerFast

    tokenizer = train_tokenizer(texts(reviews, column))
    names = dict(zip(("pad", "unk", "cls", "sep", "mask"), SPECIAL_TOKENS, strict=True))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=max_length,
        **{f"{name}_token": token for name, token in names.items()},
    ).save_pretrained(folder)
    BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=256,
        max_position_embeddings=max_length,
        architectures=["BertForSequenceClassification"],
    ).save_pretrained(folder)


def train_tokenizer(reviews: Iterable[str]) -> Tokenizer:
    """A lower-casing WordPiece tokenizer that adds BERT's [CLS] and [SEP]."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=VOCABULARY_SIZE, special_tokens=SPECIAL_TOKENS, show_progress=False)
    tokenizer.train_from_iterator(reviews, trainer)
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", sep), ("[CLS]", cls))
    return tokenizer
