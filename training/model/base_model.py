"""Finds, checks and loads the base model: tokenizer against the card, weight files, new tensors, padding token."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import (
    AutoConfig,
    AutoTokenizer,
    PreTrainedTokenizerBase,
)

from contract import tokenizer
from contract.card import SINGLE_LABEL, Card
from contract.failures import UserError, first_line
from contract.paths import Paths
from contract.positions import position_limit as position_limit
from training.model import model_archive
from training.options import MODEL_CHANNEL, TrainingOptions

WEIGHTS = ("model.safetensors", "model.safetensors.index.json")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BaseModel:
    """Where a model comes from.

    Attributes:
        name: a folder, a .tar.gz file, or a name on the hub, as it was given.
        location: of its files: `name`, or where the .tar.gz file was unpacked.
        revision: on the hub.
        tokenizer_file: its tokenizer.json.
        tokenizer: the same with its settings, as transformers loads it.
        config: its configuration.
        label_names: of the classes that its own head sorts into, as its configuration names them.
    """

    name: str
    location: str
    revision: str | None
    tokenizer_file: Path
    tokenizer: PreTrainedTokenizerBase
    config: Any
    label_names: tuple[str, ...] = ()

    @property
    def from_scratch(self) -> bool:
        """Whether it is a folder with a configuration and no weights."""
        folder = Path(self.location)
        return folder.is_dir() and not any((folder / name).is_file() for name in WEIGHTS)


def find(options: TrainingOptions, paths: Paths) -> str:
    """The name of the model: as given, else the channel `model`.

    Raises:
        UserError: neither is there.
    """
    if options.model_name:
        return options.model_name
    if paths.channel(MODEL_CHANNEL).is_dir():
        return str(paths.channel(MODEL_CHANNEL))
    raise UserError(
        f"hyperparameter model_name is not set and there is no channel {MODEL_CHANNEL}; "
        "expected a model's folder or its name on the hub"
    )


def describe(name: str, revision: str | None) -> BaseModel:
    """The model `name`, weights not yet loaded.

    Raises:
        UserError: it has no tokenizer.json or no configuration that transformers knows.
    """
    location = model_archive.location(name)
    if revision and Path(location).is_dir():
        log.warning("model_revision has no effect: model %s is a folder", name)
    if (Path(location) / "adapter_config.json").is_file():
        raise UserError(
            f"model {name} is an adapter (adapter_config.json); expected a whole model: merge it into its base first"
        )
    tokenizer_file = tokenizer.locate(location, revision)
    try:
        config = AutoConfig.from_pretrained(location, revision=revision, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"model {name} has no usable configuration: {first_line(error)}") from None
    try:
        tokens = AutoTokenizer.from_pretrained(location, revision=revision, trust_remote_code=False)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise UserError(f"model {name} has no usable tokenizer: {first_line(error)}") from None
    names = tuple(str(label) for _, label in sorted(config.id2label.items())) if config.id2label else ()
    return BaseModel(name, location, revision, tokenizer_file, tokens, config, names)


def has_token_types(base: BaseModel) -> bool:
    """Whether the model tells the two texts of a row apart by token_type_ids, as inference decides it too."""
    types = getattr(base.config, "type_vocab_size", None)
    return types not in (0, 1) and "token_type_ids" in base.tokenizer.model_input_names


def name_classes(base: BaseModel, names: tuple[str, ...], problem_type: str = SINGLE_LABEL) -> None:
    """Have the model answer by `names`, whatever it was trained for before.

    Args:
        names: of the classes or labels, or of the one number of regression.
        problem_type: as in contract.card.
    """
    base.config.id2label = dict(enumerate(names))
    base.config.label2id = {name: i for i, name in enumerate(names)}
    base.config.problem_type = problem_type
    # Some configurations ask for tuples, which no loss here reads.
    base.config.return_dict = True


def agree_on_padding(base: BaseModel) -> int:
    """Give configuration and tokenizer the same padding token, at the right of a row. Returns its id.

    Classifiers on decoders (GPT-2, Llama, Qwen) read the last token of a row that is not the configuration's padding
    token: they refuse batches where it has none, and read the wrong token where the tokenizer pads with another one.

    Raises:
        UserError: neither has a padding token or an end-of-text token.
    """
    # Models that read more than text keep what concerns text in a configuration of its own.
    config, tokens = base.config.get_text_config(), base.tokenizer
    size = getattr(config, "vocab_size", None) or len(tokens)
    known = (
        *(getattr(config, "pad_token_id", None), tokens.pad_token_id),
        *(getattr(config, "eos_token_id", None), tokens.eos_token_id),
    )
    usable = [found for found in known if isinstance(found, int) and 0 <= found < size]
    if not usable:
        raise UserError(
            f"model {base.name} has no padding token and no end-of-text token within its {size} tokens; "
            "expected pad_token_id in its config.json"
        )
    config.pad_token_id = base.config.pad_token_id = usable[0]
    if tokens.pad_token_id != usable[0]:
        tokens.pad_token = tokens.convert_ids_to_tokens(usable[0])
    tokens.padding_side = "right"
    return usable[0]


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
            f"rows may have {needed} tokens, but model {base.name} has {positions} positions; expected "
            f"{f'data processed with --max-length {positions}' if card else f'max_length of at most {positions}'}"
        )
