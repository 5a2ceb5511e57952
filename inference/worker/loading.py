"""Loads a model folder: safetensors, config, tokenizer, label names, limits; refuses what does not match."""

from __future__ import annotations

import logging
import os
import pickle  # for the name of its error alone
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

from contract import tokenizer as tokenizers
from contract.card import CARD_FILE, Card
from contract.failures import UserError, first_line
from contract.positions import text_part
from contract.tokenizer import TOKENIZER_FILE
from inference.device import Device
from inference.worker.limits import length_limit
from inference.worker.tokenization import TextTokenizer

CONFIG_FILE = "config.json"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedModel:
    """What predicting needs.

    Attributes:
        model: in evaluation mode, on its device, in its dtype.
        label_names: name of class i at position i.
        max_length: longest input in tokens, special tokens included.
        problem_type: as in config.json: regression, single_label_classification,
            multi_label_classification, or None.
        inputs: names of what the forward pass takes, of those that a tokenizer makes.
        pad_id: the padding token of the model's configuration; None where it names none that it has.
        threshold: of two labels, the probability of the second from which on it is the answer;
            None means that the more probable one is.
    """

    model: Any
    tokenizer: TextTokenizer
    device: Device
    label_names: tuple[str, ...]
    max_length: int
    problem_type: str | None
    inputs: frozenset[str]
    pad_id: int | None
    threshold: float | None = None

    @property
    def pads_left(self) -> bool:
        """Whether the model reads its answer at the last place of a row, padding or not, as XLNet does."""
        return getattr(self.model.config, "summary_type", None) == "last"


def load(folder: Path, device: Device, allow_pickle: bool = False) -> LoadedModel:
    """The text-classification model in `folder`; no code of the folder's, no network.

    Args:
        allow_pickle: whether pytorch_model.bin is read, tensors only, where there are no safetensors.

    Raises:
        UserError: files are missing, unreadable, of another task, or do not belong together.
    """
    check_files(folder, allow_pickle)
    card = Card.read(folder) if (folder / CARD_FILE).exists() else None
    if card:
        check_tokenizer(folder, card)
    model = read_model(folder, device)
    tokenizer = TextTokenizer.read(folder)
    model = model.to(device.device).eval()
    # Classifying needs no keys and values of a text that goes on.
    text_part(model.config).use_cache = False
    return LoadedModel(
        model,
        tokenizer,
        device,
        label_names(model.config, card),
        length_limit(model.config, tokenizer, card),
        model.config.problem_type,
        input_names(folder, model),
        padding_id(model.config),
        decision_threshold(model.config, card),
    )


def read_model(folder: Path, device: Device) -> Any:
    """The model by transformers' Auto class.

    Raises:
        UserError: it cannot be read, or the folder's weights leave a part of the model unset,
            which would then answer at random.
    """
    # Imported late: seconds that a folder without a model need not cost.
    import transformers
    from safetensors import SafetensorError

    # A bar redraws itself with carriage returns, which a log keeps one by one.
    transformers.utils.logging.disable_progress_bar()
    try:
        model, loading = transformers.AutoModelForSequenceClassification.from_pretrained(
            folder,
            use_safetensors=has_safetensors(folder),
            weights_only=True,
            dtype=device.dtype,
            output_loading_info=True,
            local_files_only=True,
            trust_remote_code=False,
        )
    except pickle.UnpicklingError:
        raise UserError(
            f"model folder {folder} has weights that hold more than tensors; expected *.safetensors"
        ) from None
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        raise UserError(f"model folder {folder} cannot be loaded: {first_line(error)}") from None
    missing = sorted(loading["missing_keys"])
    if missing:
        raise UserError(
            f"model folder {folder} has no weights for {missing[0]} and {len(missing) - 1} more; "
            "expected a model trained for text classification"
        )
    return model


def has_safetensors(folder: Path) -> bool:
    return any(folder.glob("*.safetensors"))


def check_files(folder: Path, allow_pickle: bool) -> None:
    """Raises UserError where a file that every model has is missing."""
    for name in (CONFIG_FILE, TOKENIZER_FILE):
        if not (folder / name).is_file():
            raise UserError(f"model folder {folder} holds no {name}; expected what save_pretrained writes")
    # transformers says "no such file" of files that are there and cannot be read.
    for path in folder.iterdir():
        if path.is_file() and not os.access(path, os.R_OK):
            raise UserError(f"model file {path} cannot be read by user {os.getuid()}; expected mode 644")
    if has_safetensors(folder):
        return
    pickles = sorted(path.name for path in folder.glob("pytorch_model*.bin"))
    if not pickles:
        raise UserError(f"model folder {folder} holds no *.safetensors; expected weights in that format")
    if not allow_pickle:
        raise UserError(
            f"model folder {folder} holds {pickles[0]}, a format that can carry code; "
            "expected *.safetensors, or ALLOW_PICKLE=true"
        )


def check_tokenizer(folder: Path, card: Card) -> None:
    """Raises UserError where the folder's tokenizer is not the one the model was trained with."""
    found = tokenizers.fingerprint(folder / TOKENIZER_FILE)
    if found != card.tokenizer.sha256:
        raise UserError(
            f"model folder {folder}: its tokenizer has fingerprint {found[:12]}, {CARD_FILE} says "
            f"{card.tokenizer.sha256[:12]}; expected the tokenizer the model was trained with"
        )


def input_names(folder: Path, model: Any) -> frozenset[str]:
    """Those of attention_mask and token_type_ids that a pipeline would give the model of `folder`."""
    taken = {"attention_mask", "token_type_ids"} & signature(model.forward).parameters.keys()
    if "token_type_ids" in taken and not has_token_types(folder, model.config):
        taken.remove("token_type_ids")
    return frozenset(taken)


def has_token_types(folder: Path, config: Any) -> bool:
    """Whether the tokenizer, as transformers loads it, gives each token a type, and the model tells types apart."""
    types = getattr(config, "type_vocab_size", None)
    if types in (0, 1):
        return False
    from transformers import AutoTokenizer

    try:
        names = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False).model_input_names
    except (OSError, ValueError, KeyError, ImportError):
        # A tokenizer.json is enough here, and not for every class.
        return types is not None
    return "token_type_ids" in names


def padding_id(config: Any) -> int | None:
    """The configuration's padding token, where it is one of the model's tokens: some have -1, or none."""
    text = text_part(config)
    found = getattr(text, "pad_token_id", None)
    return found if found is not None and 0 <= found < text.vocab_size else None


def label_names(config: Any, card: Card | None) -> tuple[str, ...]:
    """The card's label names, else config.json's id2label.

    Raises:
        UserError: the card has another number of labels than the model.
    """
    if not card or not card.label_names:
        return tuple(str(config.id2label[index]) for index in range(config.num_labels))
    if len(card.label_names) != config.num_labels:
        raise UserError(
            f"{CARD_FILE} names {len(card.label_names)} labels, the model has {config.num_labels}; "
            "expected a card of this model"
        )
    return card.label_names


def decision_threshold(config: Any, card: Card | None) -> float | None:
    """The card's threshold.

    Raises:
        UserError: it is no probability, or the model does not decide between two labels.
    """
    threshold = card.decision_threshold if card else None
    if threshold is None:
        return None
    if isinstance(threshold, bool) or not isinstance(threshold, (int, float)) or not 0 <= threshold <= 1:
        raise UserError(f"{CARD_FILE} has decision_threshold {threshold!r}, expected a probability from 0 to 1")
    if config.num_labels != 2 or config.problem_type not in (None, "single_label_classification"):
        raise UserError(
            f"{CARD_FILE} has a decision_threshold, expected none for a model without two labels to choose from"
        )
    return float(threshold)
