from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from architectures import ARCHITECTURES, Architecture, write_classifier
from pipeline_scores import assert_as_in_a_pipeline, mixed_texts, serve
from tiny_tokenizers import BERT_TOKENS, WORDS, bert, numbered
from transformers import AlbertTokenizer, BertTokenizer, PreTrainedTokenizerBase, XLMRobertaTokenizer

from contract.failures import UserError
from inference.worker.tokenization import TextTokenizer
from inference.worker.tokenizer_conversion import convert

# transformers builds tokenizers from files in a way that tokenizers calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:Deprecated in 0.9.0:DeprecationWarning")

LETTERS = [chr(code) for code in range(33, 127)]


def cased() -> PreTrainedTokenizerBase:
    vocabulary = numbered(BERT_TOKENS, [*WORDS, *LETTERS, *(f"##{letter}" for letter in LETTERS)])
    return BertTokenizer(vocab=vocabulary, do_lower_case=False)


def write_vocabulary(folder: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    """Replace tokenizer.json by vocab.txt, as in older models."""
    tokens = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().__getitem__)
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n")
    (folder / "tokenizer.json").unlink()


@pytest.mark.parametrize("tokenizer", [bert, cased])
def test_vocab_txt_gives_the_scores_of_tokenizer_json(
    tmp_path: Path, tokenizer: Callable[[], PreTrainedTokenizerBase]
) -> None:
    write_classifier(tmp_path, Architecture("bert", tokenizer, settings={"max_position_embeddings": 128}))
    texts = [*mixed_texts(20), "Good WORD1", "gööd"]
    expected = serve(tmp_path)(texts, top_k=None)
    write_vocabulary(tmp_path, tokenizer())
    own = serve(tmp_path)(texts, top_k=None)
    assert own == expected
    assert_as_in_a_pipeline(tmp_path, texts, own)


def test_vocab_json_and_merges_give_the_scores_of_tokenizer_json(tmp_path: Path) -> None:
    write_classifier(tmp_path, ARCHITECTURES["roberta"])
    texts = mixed_texts(20)
    expected = serve(tmp_path)(texts, top_k=None)
    model = json.loads((tmp_path / "tokenizer.json").read_text())["model"]
    (tmp_path / "vocab.json").write_text(json.dumps(model["vocab"]))
    (tmp_path / "merges.txt").write_text("#version: 0.2\n" + "\n".join(" ".join(pair) for pair in model["merges"]))
    (tmp_path / "tokenizer.json").unlink()
    assert serve(tmp_path)(texts, top_k=None) == expected


@pytest.mark.parametrize(
    ("name", "file", "kind"),
    [
        ("albert", "spiece.model", AlbertTokenizer),
        ("xlm-roberta", "sentencepiece.bpe.model", XLMRobertaTokenizer),
    ],
)
def test_a_sentencepiece_model_is_converted(tmp_path: Path, name: str, file: str, kind: Any) -> None:
    write_sentencepiece(tmp_path / file)
    tokenizer = kind.from_pretrained(tmp_path)
    write_classifier(tmp_path, Architecture(name, lambda: tokenizer, settings=ARCHITECTURES[name].settings))
    (tmp_path / "tokenizer.json").unlink()
    texts = mixed_texts(20)
    assert_as_in_a_pipeline(tmp_path, texts, serve(tmp_path)(texts, top_k=None))


def write_sentencepiece(path: Path) -> None:
    """Train a model, in another process, since some builds of sentencepiece crash beside torch."""
    texts = path.with_name("texts")
    texts.write_text("\n".join([*WORDS, " ".join(WORDS), " ".join(LETTERS), *mixed_texts()]))
    options = {"input": str(texts), "model_prefix": str(path), "vocab_size": 150, "hard_vocab_limit": False}
    options |= {"control_symbols": ["[CLS]", "[SEP]", "[MASK]"], "pad_id": 0, "unk_id": 1, "bos_id": 2, "eos_id": 3}
    code = f"import sentencepiece; sentencepiece.SentencePieceTrainer.train(minloglevel=2, **{options})"
    subprocess.run([sys.executable, "-c", code], check=True)
    path.with_name(f"{path.name}.model").rename(path)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"vocab.txt": "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"}, "vocab.txt has no token for any of"),
        ({"spiece.model": "no model"}, "spiece.model cannot be converted"),
        ({}, "has no tokenizer.json and none of vocab.txt, vocab.json, "),
    ],
)
def test_a_vocabulary_that_cannot_be_used_is_refused(tmp_path: Path, files: dict[str, str], sentence: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "albert" if "spiece.model" in files else "bert"}))
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=sentence) as caught:
        convert(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_conversion_that_changes_tokens_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_sentencepiece(tmp_path / "spiece.model")
    special = [(token, 0.0) for token in ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")]
    other = AlbertTokenizer(vocab=[*special, ("▁", -1.0), *((letter, -2.0) for letter in "abcdefghijklmno")])
    monkeypatch.setattr("transformers.AutoTokenizer.from_pretrained", lambda *_, **__: other)
    with pytest.raises(UserError, match="spiece.model gives other tokens once it is converted"):
        TextTokenizer.read(tmp_path)
