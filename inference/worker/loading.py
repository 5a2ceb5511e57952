"""Loads a model folder: weights or adapter, configuration, tokenizer, labels, limits; checks that files match."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

from contract import tokenizer as tokenizers
from contract.card import CARD_FILE, LONGEST_FIRST, Card
from contract.failures import UserError
from contract.positions import text_part
from contract.tokenizer import TOKENIZER_FILE
from inference.device import Device
from inference.model_folder import CONFIG_FILE, PICKLES, SAFETENSORS, is_of_macos, locate, weights
from inference.worker.adapter import base_location, is_adapter, read_merged
from inference.worker.answers import Answers
from inference.worker.labels import label_names
from inference.worker.limits import length_limit
from inference.worker.tokenization import TextTokenizer
from inference.worker.tokenizer_conversion import VOCABULARIES, vocabulary
from inference.worker.weights import read_model

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedModel:
    """A model with everything that prediction needs.

    Attributes:
        model: a transformers model for sequence classification, in evaluation mode, on its device, in its dtype.
        answers: how logits become answers.
        max_length: longest input in tokens, special tokens included.
        inputs: which of attention_mask and token_type_ids the forward pass gets.
        pad_id: the padding token in the model's configuration; None if it has none, or none of its vocabulary.
    """

    model: Any
    tokenizer: TextTokenizer
    device: Device
    answers: Answers
    max_length: int
    inputs: frozenset[str]
    pad_id: int | None

    @property
    def label_names(self) -> tuple[str, ...]:
        """The name of class i at position i."""
        return self.answers.label_names

    @property
    def pads_left(self) -> bool:
        """Whether rows are padded on the left: for models that classify by the last position, such as XLNet."""
        return getattr(self.model.config, "summary_type", None) == "last"


def load(folder: Path, device: Device, allow_pickle: bool = False, max_length: int | None = None) -> LoadedModel:
    """Load the text-classification model in `folder`, without running code of the folder and without network.

    Args:
        allow_pickle: whether pytorch_model.bin may be loaded (tensors only) if there are no safetensors.
        max_length: SERVING_MAX_LENGTH, the longest input in tokens; None if it is not set.

    Raises:
        UserError: files are missing or unreadable, the model is of another task, or card and files do not match.
    """
    folder = locate(folder)
    check_readable(folder)
    card = Card.read(folder) if (folder / CARD_FILE).exists() else None
    if is_adapter(folder):
        model = read_merged(folder, device, len(card.label_names) if card else None, os.environ)
    else:
        check_files(folder, allow_pickle)
        model = read_model(folder, device)
    tokenizer_folder = find_tokenizer(folder)
    if card:
        check_tokenizer(tokenizer_folder, card)
    tokenizer = TextTokenizer.read(tokenizer_folder, card.truncation if card else LONGEST_FIRST)
    check_size(tokenizer, text_part(model.config))
    model = model.to(device.device).eval()
    # Classification generates no tokens, so the cache of keys and values is not needed.
    text_part(model.config).use_cache = False
    return LoadedModel(
        model,
        tokenizer,
        device,
        Answers.of(model.config, card, label_names(model.config, card)),
        length_limit(model.config, tokenizer, card, max_length),
        input_names(tokenizer_folder, model),
        padding_id(model.config),
    )


def check_readable(folder: Path) -> None:
    """Check that the files of the folder are readable: transformers reports others as missing.

    Raises:
        UserError: one is not.
    """
    for path in folder.iterdir():
        if path.is_file() and not is_of_macos(path) and not os.access(path, os.R_OK):
            raise UserError(f"model file {path} cannot be read by user {os.getuid()}; expected mode 644")


def check_files(folder: Path, allow_pickle: bool) -> None:
    """Check that the folder has the configuration and the weights of a model.

    Raises:
        UserError: a file is missing, or weights are pickles and `allow_pickle` is false.
    """
    if not (folder / CONFIG_FILE).is_file():
        raise UserError(f"model folder {folder} has no {CONFIG_FILE}; expected the files that save_pretrained writes")
    if weights(folder, SAFETENSORS):
        return
    pickles = weights(folder, PICKLES)
    if not pickles:
        raise UserError(f"model folder {folder} has no *.safetensors; expected weights in that format")
    if not allow_pickle:
        raise UserError(
            f"model folder {folder} has {pickles[0]}, a pickle, which can contain code; "
            "expected *.safetensors, or ALLOW_PICKLE=true"
        )


def find_tokenizer(folder: Path) -> Path:
    """The folder with the tokenizer: `folder`, or that of the base model of an adapter without one of its own.

    Raises:
        UserError: there is no tokenizer, or only the vocabulary of one beside a card, which records tokenizer.json.
    """
    places = [folder]
    if is_adapter(folder) and isinstance(base := base_location(folder, os.environ), Path):
        places.append(base)
    for place in places:
        if (place / TOKENIZER_FILE).is_file() or (vocabulary(place) and not (folder / CARD_FILE).exists()):
            return place
    raise UserError(
        f"model folder {folder} has no {TOKENIZER_FILE} and no {' or '.join(VOCABULARIES[:3])}; "
        "expected the files that save_pretrained writes"
    )


def check_tokenizer(folder: Path, card: Card) -> None:
    """Check that the folder's tokenizer is the one that the model was trained with.

    Raises:
        UserError: its fingerprint is not the card's.
    """
    actual = tokenizers.fingerprint(folder / TOKENIZER_FILE)
    if actual != card.tokenizer.sha256:
        raise UserError(
            f"model folder {folder}: its tokenizer has the fingerprint {actual[:12]}, {CARD_FILE} has "
            f"{card.tokenizer.sha256[:12]}; expected the tokenizer that the model was trained with"
        )


def check_size(tokenizer: TextTokenizer, config: Any) -> None:
    """Warn of a tokenizer with more tokens than the model, which fails on texts with the tokens beyond.

    It is no error: some vocabularies have tokens that no text gives, such as that of a mask.
    """
    count = getattr(config, "vocab_size", None)
    if count is not None and tokenizer.size > count:
        log.warning("the tokenizer has %d tokens, the model %d: texts with the others fail", tokenizer.size, count)


def input_names(folder: Path, model: Any) -> frozenset[str]:
    """Which of attention_mask and token_type_ids transformers.pipeline would pass to the model of `folder`."""
    names = {"attention_mask", "token_type_ids"} & signature(model.forward).parameters.keys()
    if "token_type_ids" in names and not has_token_types(folder, model.config):
        names.remove("token_type_ids")
    return frozenset(names)


def has_token_types(folder: Path, config: Any) -> bool:
    """Whether transformers' tokenizer of `folder` returns token_type_ids and the model has embeddings for them."""
    types = getattr(config, "type_vocab_size", None)
    if types in (0, 1):
        return False
    from transformers import AutoTokenizer

    try:
        names = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False).model_input_names
    except (OSError, ValueError, KeyError, ImportError):
        # Some classes of tokenizers need more files than tokenizer.json, which is enough for this server.
        return types is not None
    return "token_type_ids" in names


def padding_id(config: Any) -> int | None:
    """The padding token in the configuration; None if there is none or it is not in the vocabulary (some have -1)."""
    text = text_part(config)
    pad_id = getattr(text, "pad_token_id", None)
    return pad_id if pad_id is not None and 0 <= pad_id < text.vocab_size else None
