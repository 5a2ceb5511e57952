"""The model to start from, checked against the card of the data."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedModel

from contract import tokenizer
from contract.card import Card
from contract.failures import UserError
from contract.paths import Paths
from training.options import TrainingOptions

CHANNEL = "model"
WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
WEIGHT_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BaseModel:
    """Where a model comes from.

    Attributes:
        name: a folder, or a name on the hub.
        revision: on the hub.
        tokenizer_file: its tokenizer.json.
        config: its configuration.
    """

    name: str
    revision: str | None
    tokenizer_file: Path
    config: Any

    @property
    def from_scratch(self) -> bool:
        """Whether it is a folder with a configuration and no weights."""
        folder = Path(self.name)
        return folder.is_dir() and not any((folder / name).is_file() for name in WEIGHTS)


def find(options: TrainingOptions, paths: Paths) -> str:
    """The name of the model: as given, else the channel `model`.

    Raises:
        UserError: neither is there.
    """
    if options.model_name:
        return options.model_name
    if paths.channel(CHANNEL).is_dir():
        return str(paths.channel(CHANNEL))
    raise UserError(
        f"hyperparameter model_name is not set and there is no channel {CHANNEL}; "
        "expected a model's folder or its name on the hub"
    )


def describe(name: str, revision: str | None) -> BaseModel:
    """The model `name`, weights not yet loaded.

    Raises:
        UserError: it has no tokenizer.json or no configuration that transformers knows.
    """
    tokenizer_file = tokenizer.locate(name, revision)
    try:
        config = AutoConfig.from_pretrained(name, revision=revision, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"model {name} has no usable configuration: {first_line(error)}") from None
    return BaseModel(name, revision, tokenizer_file, config)


def name_classes(base: BaseModel, names: tuple[str, ...]) -> None:
    """Have the model sort into the classes `names`."""
    base.config.id2label = dict(enumerate(names))
    base.config.label2id = {name: i for i, name in enumerate(names)}


def check(base: BaseModel, card: Card | None, longest: int) -> None:
    """Refuse a model whose tokenizer did not make the data, or that is too short for it.

    Raises:
        UserError: either is the case.
    """
    found = tokenizer.fingerprint(base.tokenizer_file)
    if card is not None and found != card.tokenizer.sha256:
        raise UserError(
            f"model {base.name} has another tokenizer ({found[:12]}) than the one that made the data "
            f"({card.tokenizer.name}, {card.tokenizer.sha256[:12]}); expected the same"
        )
    positions = position_limit(base.config)
    needed = max(longest, card.max_length if card else 0)
    if positions is not None and needed > positions:
        raise UserError(
            f"rows have up to {needed} tokens, but model {base.name} has {positions} positions; "
            f"process with --max-length {positions}"
        )


def position_limit(config: Any) -> int | None:
    """Most tokens that the model takes; None where it names no limit.

    RoBERTa and its kin count positions from the padding id on, so they take that many fewer.
    """
    positions = getattr(config, "max_position_embeddings", None)
    if positions is None or config.model_type not in ("roberta", "xlm-roberta", "camembert", "mpnet"):
        return positions
    return positions - (config.pad_token_id or 0) - 1


def refuse_other_weights(base: BaseModel) -> None:
    """Stop before weights that are there, but not as safetensors, are taken for none."""
    others = [path.name for path in sorted(Path(base.name).iterdir()) if path.suffix in WEIGHT_SUFFIXES]
    if others:
        raise UserError(
            f"model {base.name} has weights in {others[0]}, expected {WEIGHTS[0]}: only safetensors is read"
        )


def load(base: BaseModel, attention: str) -> PreTrainedModel:
    """The model in fp32: mixed precision wants its master weights so.

    Raises:
        UserError: there are no safetensors weights, or they do not fit the configuration.
    """
    if base.from_scratch:
        refuse_other_weights(base)
    try:
        if base.from_scratch:
            log.info("model %s has no weights: training starts from scratch", base.name)
            return AutoModelForSequenceClassification.from_config(base.config, attn_implementation=attention)
        return AutoModelForSequenceClassification.from_pretrained(
            base.name,
            revision=base.revision,
            config=base.config,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            attn_implementation=attention,
            # The base has a head for another task, or another number of classes.
            ignore_mismatched_sizes=True,
        )
    except (OSError, ValueError, ImportError) as error:
        raise UserError(f"model {base.name} cannot be loaded: {first_line(error)}") from None


def first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
