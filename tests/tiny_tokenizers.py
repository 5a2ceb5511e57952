"""Small tokenizers of common kinds, each with the words of training_base in its vocabulary."""

from __future__ import annotations

import json

from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from training_base import BAD, GOOD, PLAIN
from transformers import (
    AlbertTokenizer,
    BertTokenizer,
    DebertaV2Tokenizer,
    GPT2Tokenizer,
    LlamaTokenizer,
    MPNetTokenizer,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    Qwen2Tokenizer,
    RobertaTokenizer,
    T5Tokenizer,
    XLMRobertaTokenizer,
)

WORDS = GOOD + BAD + PLAIN
BERT_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
FAIRSEQ_TOKENS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
END_OF_TEXT = "<|endoftext|>"


def numbered(special: tuple[str, ...], others: list[str]) -> dict[str, int]:
    """A vocabulary with the special tokens first."""
    return {token: i for i, token in enumerate(dict.fromkeys([*special, *others]))}


def merges(split: pre_tokenizers.PreTokenizer, alphabet: list[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Tokens and merges of byte pair encoding for the words of the rows, at the start of a text and within."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = split
    trainer = trainers.BpeTrainer(vocab_size=600, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([*WORDS, " ".join(["", *WORDS])], trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return list(model["vocab"]), [tuple(merge) for merge in model["merges"]]


def byte_level() -> tuple[list[str], list[tuple[str, str]]]:
    split = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return merges(split, sorted(pre_tokenizers.ByteLevel.alphabet()))


def pieces(special: tuple[str, ...]) -> list[tuple[str, float]]:
    """A Unigram vocabulary with log-probabilities as in SentencePiece: whole words before their letters."""
    letters = sorted(set("".join(WORDS)) | {"▁"})
    return [(token, 0.0) for token in special] + [(f"▁{w}", -4.0) for w in WORDS] + [(c, -9.0) for c in letters]


def bert() -> PreTrainedTokenizerBase:
    return BertTokenizer(vocab=numbered(BERT_TOKENS, WORDS))


def mpnet() -> PreTrainedTokenizerBase:
    return MPNetTokenizer(vocab=numbered((*FAIRSEQ_TOKENS, "[UNK]"), WORDS))


def roberta() -> PreTrainedTokenizerBase:
    tokens, pairs = byte_level()
    return RobertaTokenizer(vocab=numbered(FAIRSEQ_TOKENS, tokens), merges=pairs)


def gpt2() -> PreTrainedTokenizerBase:
    """GPT-2's tokenizer: no special tokens around a text, no padding token."""
    tokens, pairs = byte_level()
    return GPT2Tokenizer(vocab=numbered((END_OF_TEXT,), tokens), merges=pairs)


def qwen() -> PreTrainedTokenizerBase:
    """Qwen's tokenizer: no special tokens around a text; a padding token, which Qwen's configurations lack."""
    tokens, pairs = byte_level()
    return Qwen2Tokenizer(vocab=numbered((END_OF_TEXT,), tokens), merges=pairs)


def llama() -> PreTrainedTokenizerBase:
    """Llama's tokenizer: SentencePiece's byte pair encoding, <s> before each text, left padding, no padding token."""
    tokens, pairs = merges(pre_tokenizers.Metaspace(), [])
    special = ("<unk>", "<s>", "</s>")
    tokenizer = LlamaTokenizer(vocab=numbered((*special, *(f"<0x{i:02X}>" for i in range(256))), tokens), merges=pairs)
    frame(tokenizer, "<s> $A", "<s> $A <s> $B:1", "<s>")
    return tokenizer


def modernbert() -> PreTrainedTokenizerBase:
    tokens, pairs = byte_level()
    backend = Tokenizer(models.BPE(numbered(BERT_TOKENS, tokens), pairs))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    names = dict(zip(("pad", "unk", "cls", "sep", "mask"), BERT_TOKENS, strict=True))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_input_names=["input_ids", "attention_mask"],
        **{f"{name}_token": token for name, token in names.items()},
    )
    frame(tokenizer, "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", "[CLS]", "[SEP]")
    return tokenizer


def albert() -> PreTrainedTokenizerBase:
    return AlbertTokenizer(vocab=pieces(("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")))


def t5() -> PreTrainedTokenizerBase:
    return T5Tokenizer(vocab=pieces(("<pad>", "</s>", "<unk>")), extra_ids=0)


def xlnet() -> PreTrainedTokenizerBase:
    """XLNet's special tokens and padding side, with BERT's WordPiece."""
    tokenizer = bert()
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A [SEP] [CLS]:2", special_tokens=[("[SEP]", 3), ("[CLS]", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer.backend_tokenizer,
        pad_token="[PAD]",
        padding_side="left",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


def xlm_roberta() -> PreTrainedTokenizerBase:
    return XLMRobertaTokenizer(vocab=pieces(FAIRSEQ_TOKENS))


def deberta() -> PreTrainedTokenizerBase:
    tokenizer = DebertaV2Tokenizer(vocab=pieces(("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]")), unk_token="[UNK]")
    frame(tokenizer, "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", "[CLS]", "[SEP]")
    return tokenizer


def frame(tokenizer: PreTrainedTokenizerBase, single: str, pair: str, *special: str) -> None:
    """Make a tokenizer add special tokens around texts, for classes that leave this to tokenizer.json."""
    ids = [(token, tokenizer.convert_tokens_to_ids(token)) for token in special]
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=ids
    )
