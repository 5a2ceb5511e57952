"""Finds, checks and loads the base model: tokenizer against the card, weight files, new tensors, padding token."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import cached_file

from contract import tokenizer
from contract.card import Card
from contract.failures import UserError, first_line
from contract.files import read_json
from contract.paths import Paths
from contract.positions import position_limit as position_limit
from training.model import model_archive
from training.options import MODEL_CHANNEL, TrainingOptions

WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
# In transformers' words: exactly one class a row, the loss of which is the cross entropy.
PROBLEM_TYPE = "single_label_classification"
WEIGHT_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack")

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
    """

    name: str
    location: str
    revision: str | None
    tokenizer_file: Path
    tokenizer: PreTrainedTokenizerBase
    config: Any

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
    tokenizer_file = tokenizer.locate(location, revision)
    try:
        config = AutoConfig.from_pretrained(location, revision=revision, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"model {name} has no usable configuration: {first_line(error)}") from None
    try:
        tokens = AutoTokenizer.from_pretrained(location, revision=revision, trust_remote_code=False)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise UserError(f"model {name} has no usable tokenizer: {first_line(error)}") from None
    return BaseModel(name, location, revision, tokenizer_file, tokens, config)


def name_classes(base: BaseModel, names: tuple[str, ...]) -> None:
    """Have the model sort rows into the classes `names`, one a row, whatever it was trained for before."""
    base.config.id2label = dict(enumerate(names))
    base.config.label2id = {name: i for i, name in enumerate(names)}
    base.config.problem_type = PROBLEM_TYPE


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


def refuse_other_weights(base: BaseModel) -> None:
    """Stop before weights that are there, but not as safetensors, are taken for none."""
    others = [path.name for path in sorted(Path(base.location).iterdir()) if path.suffix in WEIGHT_SUFFIXES]
    if others:
        raise UserError(
            f"model {base.name} has weights in {others[0]}, expected {WEIGHTS[0]}: only safetensors is read"
        )


def load(base: BaseModel, attention: str | None = None) -> PreTrainedModel:
    """The model in fp32: mixed precision wants its master weights so.

    Args:
        attention: implementation of the attention; None has transformers choose what the model supports.

    Raises:
        UserError: there are no safetensors weights, or they do not fit the configuration.
    """
    if base.from_scratch:
        refuse_other_weights(base)
    try:
        if base.from_scratch:
            log.warning(
                "model %s has no weights: training starts from scratch; a pretrained model has a file %s",
                *(base.name, WEIGHTS[0]),
            )
            return AutoModelForSequenceClassification.from_config(base.config, attn_implementation=attention)
        with loading_report_off():
            model, found = AutoModelForSequenceClassification.from_pretrained(
                base.location,
                revision=base.revision,
                config=base.config,
                use_safetensors=True,
                trust_remote_code=False,
                dtype=torch.float32,
                attn_implementation=attention,
                # The base has a head for another task, or another number of classes.
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except (OSError, ValueError, ImportError, SafetensorError) as error:
        raise UserError(f"model {base.name} cannot be loaded: {first_line(error)}") from None
    refuse_new_encoder(base, model, new_tensors(found))
    # Saved again, the model has the names of its type. Those of the file that it came from may be legacy ones
    # (LayerNorm.gamma), which not everything that reads safetensors knows.
    model._weight_conversions = None
    return model


@contextmanager
def loading_report_off() -> Iterator[None]:
    """Without transformers' report of what it loaded: whoever loads looks at output_loading_info, and logs it."""
    level = transformers.utils.logging.get_verbosity()
    transformers.utils.logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers.utils.logging.set_verbosity(level)


def new_tensors(found: Mapping[str, Any]) -> list[str]:
    """Names of the tensors that the weights did not give, from the loading info of from_pretrained."""
    mismatched = [each[0] if isinstance(each, tuple) else each for each in found["mismatched_keys"]]
    return sorted({*found["missing_keys"], *mismatched})


def refuse_new_encoder(base: BaseModel, model: PreTrainedModel, names: list[str]) -> None:
    """Stop where parts of the encoder would begin at random: only the head, and a pooler that feeds it, may be new.

    Raises:
        UserError: names how many tensors there are, and the first.
    """
    encoder = [name for name in names if name.startswith(f"{model.base_model_prefix}.") and "pooler" not in name]
    if encoder:
        raise UserError(
            f"the weights of model {base.name} lack {len(encoder)} tensors of a {base.config.model_type} encoder, or "
            f"have them in another shape ({encoder[0]}); expected the weights that its config.json describes"
        )
    if names:
        log.info("%d tensors are new and start at random: %s", len(names), ", ".join(names))


def weight_files(base: BaseModel) -> list[Path]:
    """The safetensors files of the model, in a stated order; none where training starts from scratch."""
    if base.from_scratch:
        return []
    whole, index = WEIGHTS
    if file := located(base, whole):
        return [file]
    listing = located(base, index)
    shards = read_json(listing, "index of the weights")["weight_map"].values() if listing else []
    return [file for name in sorted(set(shards)) if (file := located(base, name))]


def located(base: BaseModel, name: str) -> Path | None:
    """The file `name` of the model, in its folder or in the cache of the hub; None where there is none."""
    folder = Path(base.location)
    if folder.is_dir():
        return folder / name if (folder / name).is_file() else None
    found = cached_file(base.location, name, revision=base.revision, _raise_exceptions_for_missing_entries=False)
    return Path(found) if found else None
