"""Makes a fast tokenizer of vocab.txt, vocab.json and merges.txt, or a SentencePiece model, without tokenizer.json."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from contract.failures import UserError, first_line

# Files of vocabularies that transformers converts.
VOCABULARIES = ("vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spiece.model", "spm.model", "tokenizer.model")
# Texts on which the converted tokenizer is compared with a second implementation. Those for SentencePiece have no
# capitals and accents, which some tokenizers change before they call it.
PROBES = (
    "good",
    "the film was neither good nor bad.",
    "it is 1,200 pages long -- and (almost) never dull!",
    "東京, привет",
)
BERT_PROBES = (*PROBES, "The film was naïve; ÜBER-long: l'été")

# Reads a list of texts, writes a list of the pieces of each.
SENTENCEPIECE = """
import json, sys
from sentencepiece import SentencePieceProcessor
processor = SentencePieceProcessor(model_file=sys.argv[1])
print(json.dumps([processor.encode(text, out_type=str) for text in json.load(sys.stdin)]))
"""

log = logging.getLogger(__name__)


def vocabulary(folder: Path) -> Path | None:
    """The vocabulary file in `folder`; None if it has none."""
    return next((folder / name for name in VOCABULARIES if (folder / name).is_file()), None)


def convert(folder: Path) -> Any:
    """The tokenizers.Tokenizer that transformers makes of the vocabulary in `folder`, checked on a few texts.

    Raises:
        UserError: transformers cannot convert it, or the result tokenizes otherwise than a second implementation.
    """
    from transformers import AutoTokenizer

    path = vocabulary(folder)
    if path is None:
        raise UserError(f"tokenizer {folder} has no tokenizer.json and none of {', '.join(VOCABULARIES)}")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        backend = tokenizer.backend_tokenizer
    except Exception as error:  # transformers raises errors of many types
        raise UserError(
            f"tokenizer {path} cannot be converted: {first_line(error)}; expected a folder with tokenizer.json"
        ) from None
    check(path, tokenizer, backend)
    log.info("tokenizer converted from %s", path.name)
    return backend


def check(path: Path, tokenizer: Any, backend: Any) -> None:
    """Compare the converted tokenizer with a second implementation.

    Raises:
        UserError: they differ, or the vocabulary has no token for any probe.
    """
    unknown = {tokenizer.unk_token_id}
    if all(set(backend.encode(text, add_special_tokens=False).ids) <= unknown for text in PROBES):
        raise UserError(f"tokenizer {path} has no token for any of {len(PROBES)} English texts; expected a vocabulary")
    reference, probes = second_implementation(path, tokenizer)
    for text in probes:
        tokens = known(backend.encode(text, add_special_tokens=False).tokens, tokenizer)
        if known(reference(text), tokenizer) != tokens:
            raise UserError(
                f"tokenizer {path} gives other tokens once it is converted; expected a folder with tokenizer.json"
            )


def known(tokens: list[str], tokenizer: Any) -> list[str]:
    """`tokens`, those that the vocabulary lacks as the unknown token."""
    vocabulary = tokenizer.get_vocab()
    return [token if token in vocabulary else tokenizer.unk_token for token in tokens]


def second_implementation(path: Path, tokenizer: Any) -> tuple[Callable[[str], list[str]], tuple[str, ...]]:
    """A function that tokenizes a text without tokenizers, sentencepiece's or BERT's in Python, and texts for it.

    No texts for other vocabularies, which tokenizers reads directly.
    """
    if path.suffix == ".model":
        pieces = sentencepiece_pieces(path, PROBES)
        return pieces.__getitem__, tuple(pieces)
    if type(tokenizer).__name__ != "BertTokenizer":
        return lambda text: list(tokenizer.tokenize(text)), ()
    from transformers.models.bert.tokenization_bert_legacy import BertTokenizerLegacy

    names = ("do_lower_case", "tokenize_chinese_chars", "strip_accents")
    settings = {name: tokenizer.init_kwargs[name] for name in names if name in tokenizer.init_kwargs}
    legacy = BertTokenizerLegacy(str(path), **settings)
    return lambda text: list(legacy.tokenize(text)), BERT_PROBES


def sentencepiece_pieces(path: Path, texts: Sequence[str]) -> dict[str, list[str]]:
    """The pieces of `texts` by the library sentencepiece; empty if it does not work.

    In a process of its own: some builds of it crash in a process that has loaded torch or pyarrow.
    """
    command = [sys.executable, "-c", SENTENCEPIECE, str(path)]
    ended = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=False)
    if ended.returncode:
        log.warning("the conversion of %s is not checked: sentencepiece does not work", path.name)
        return {}
    return dict(zip(texts, json.loads(ended.stdout), strict=True))
