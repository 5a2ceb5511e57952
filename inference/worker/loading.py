"""Loads a model folder: safetensors, config, tokenizer, label names, limits; refuses files that do not match."""

from __future__ import annotations

import logging
import os
import pickle  # only for UnpicklingError
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
    """A model with everything that prediction needs.

    Attributes:
        model: a transformers model for sequence classification, in evaluation mode, on its device, in its dtype.
        label_names: name of class i at position i.
        max_length: longest input in tokens, special tokens included.
        problem_type: as in config.json: regression, single_label_classification,
            multi_label_classification, or None.
        inputs: which of attention_mask and token_type_ids the forward pass gets.
        pad_id: the padding token in the model's configuration; None if it has none, or none of its vocabulary.
        threshold: for two labels, the least probability of the second label with which it is predicted;
            None means that the more probable label is predicted.
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
    check_files(folder, allow_pickle)
    card = Card.read(folder) if (folder / CARD_FILE).exists() else None
    if card:
        check_tokenizer(folder, card)
    model = read_model(folder, device)
    tokenizer = TextTokenizer.read(folder)
    model = model.to(device.device).eval()
    # Classification generates no tokens, so the cache of keys and values is not needed.
    text_part(model.config).use_cache = False
    return LoadedModel(
        model,
        tokenizer,
        device,
        label_names(model.config, card),
        length_limit(model.config, tokenizer, card, max_length),
        model.config.problem_type,
        input_names(folder, model),
        padding_id(model.config),
        decision_threshold(model.config, card),
    )


def read_model(folder: Path, device: Device) -> Any:
    """Load the weights by AutoModelForSequenceClassification.

    Raises:
        UserError: they cannot be read, or tensors of the model are missing, which would be random.
    """
    # Imported late: it takes seconds, and check_files reports a missing model before.
    import transformers
    from safetensors import SafetensorError

    # A progress bar writes carriage returns, which a log keeps as separate lines.
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
    """Check that the folder has the files of a model and that they are readable.

    Raises:
        UserError: a file is missing or unreadable, or weights are pickles and `allow_pickle` is false.
    """
    for name in (CONFIG_FILE, TOKENIZER_FILE):
        if not (folder / name).is_file():
            raise UserError(f"model folder {folder} has no {name}; expected the files that save_pretrained writes")
    # transformers reports files that exist but cannot be read as missing.
    for path in folder.iterdir():
        if path.is_file() and not os.access(path, os.R_OK):
            raise UserError(f"model file {path} cannot be read by user {os.getuid()}; expected mode 644")
    if has_safetensors(folder):
        return
    pickles = sorted(path.name for path in folder.glob("pytorch_model*.bin"))
    if not pickles:
        raise UserError(f"model folder {folder} has no *.safetensors; expected weights in that format")
    if not allow_pickle:
        raise UserError(
            f"model folder {folder} has {pickles[0]}, a pickle, which can contain code; "
            "expected *.safetensors, or ALLOW_PICKLE=true"
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


def label_names(config: Any, card: Card | None) -> tuple[str, ...]:
    """The label names of the card, else of id2label in config.json.

    Raises:
        UserError: the card has another number of labels than the model.
    """
    if not card or not card.label_names:
        return tuple(str(config.id2label[index]) for index in range(config.num_labels))
    if len(card.label_names) != config.num_labels:
        raise UserError(
            f"{CARD_FILE} names {len(card.label_names)} labels, the model has {config.num_labels}; "
            "expected the card of this model"
        )
    return card.label_names


def decision_threshold(config: Any, card: Card | None) -> float | None:
    """The card's decision threshold; None if it has none.

    Raises:
        UserError: it is not a probability, or the model is not a single-label classifier of two labels.
    """
    threshold = card.decision_threshold if card else None
    if threshold is None:
        return None
    if isinstance(threshold, bool) or not isinstance(threshold, (int, float)) or not 0 <= threshold <= 1:
        raise UserError(f"{CARD_FILE} has decision_threshold {threshold!r}, expected a probability from 0 to 1")
    if config.num_labels != 2 or config.problem_type not in (None, "single_label_classification"):
        raise UserError(
            f"{CARD_FILE} has a decision_threshold, expected none for a model that does not choose between two labels"
        )
    return float(threshold)
