"""Loads the base model's weights: safetensors alone, strictly but for a new head, which is put in the data's order."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from torch import nn
from transformers import (
    AutoModelForSequenceClassification,
    PreTrainedModel,
)
from transformers.utils import cached_file

from contract.failures import UserError, first_line
from contract.files import read_json
from training.model.base_model import WEIGHTS, BaseModel

WEIGHT_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack")

log = logging.getLogger(__name__)


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
    reorder_head(base, model)
    # Saved again, the model has the names of its type. Those of the file that it came from may be legacy ones
    # (LayerNorm.gamma), which not everything that reads safetensors knows.
    model._weight_conversions = None
    return model


def reorder_head(base: BaseModel, model: PreTrainedModel) -> None:
    """Put the rows of a classifier's head in the order of the data's classes, where it has the same in another one."""
    before = [name.casefold() for name in base.label_names]
    now = [str(name).casefold() for _, name in sorted(base.config.id2label.items())]
    if before == now or sorted(before) != sorted(now) or len(set(now)) < len(now):
        return
    prefix, order = f"{model.base_model_prefix}.", [before.index(name) for name in now]
    heads = [
        module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module.out_features == len(now) and not name.startswith(prefix)
    ]
    if not heads:
        return
    with torch.no_grad():
        for tensor in heads[-1].parameters():
            tensor.copy_(tensor[order].clone())
    log.info("the model's classes are in another order than the data's; its head is put in order")


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
