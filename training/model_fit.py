"""Refuses rows and models that do not suit each other: lengths, token ids, padding; names the classes."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pyarrow.compute as pc
import torch
from transformers import PreTrainedModel

from contract.failures import UserError, first_line
from training.data.channel import Channel, Channels
from training.data.collator import PaddingCollator
from training.data.columns import IDS, MASK
from training.data.fingerprint import chunks
from training.model import base_model
from training.model.base_model import BaseModel

# Difference between the logits of a row with and without padding, relative to the largest logit: one of more than ten
# times the rounding error of fp32 is logged, and one that the verification of the delivered model would find, refused.
ROUNDING, TOLERANCE = 1e-4, 1e-2
# Tokens of padding in that comparison.
PADDING = 7
# The model is still on the CPU, where flash attention does not run.
CPU_ATTENTION = ("eager", "sdpa", None)

log = logging.getLogger(__name__)


def fit(base: BaseModel, channels: Channels) -> None:
    """Give the model the data's classes, and refuse it where it does not suit the data."""
    base_model.name_classes(base, channels.train.label_names, channels.train.problem_type)
    base_model.agree_on_padding(base)
    longest = max(int(channel.lengths.max()) for channel in channels.all)
    if longest > channels.max_length:
        raise UserError(
            f"rows have up to {longest} tokens, but max_length is {channels.max_length}: the delivered model would "
            f"read less of a text than it was trained on; expected rows cut to {channels.max_length} tokens"
        )
    base_model.check(base, channels.train.card, max(longest, channels.max_length))
    for channel in channels.all:
        refuse_unknown_tokens(base, channel)
        refuse_padding(base, channel)


def refuse_unknown_tokens(base: BaseModel, channel: Channel) -> None:
    """Raises UserError: a token id is none of the model's vocabulary, as that of another model's tokenizer."""
    size = getattr(base.config.get_text_config(), "vocab_size", None)
    ids: Any = pc.min_max(pc.list_flatten(channel.rows.data.column(IDS))).as_py()
    if size is not None and not 0 <= ids["min"] <= ids["max"] < size:
        raise UserError(
            f"rows have token ids from {ids['min']} to {ids['max']}, but model {base.name} has {size} tokens; "
            "expected rows that its own tokenizer made"
        )


def refuse_padding(base: BaseModel, channel: Channel) -> None:
    """Raises UserError: rows begin or end in padding, and no attention_mask tells it from tokens."""
    if channel.tokenized_here or MASK in channel.rows.column_names:
        return
    for ids, offsets in chunks(channel.rows.data.column(IDS)):
        starts, ends = offsets[:-1], offsets[1:]
        long = ends - starts > 1
        for first, second in ((starts[long], starts[long] + 1), (ends[long] - 1, ends[long] - 2)):
            # One alone may be a token that ends the text, with which some decoders pad too.
            padded = int(((ids[first] == base.config.pad_token_id) & (ids[second] == base.config.pad_token_id)).sum())
            if padded:
                raise UserError(
                    f"{padded:,} rows have padding tokens at their start or end and no column {MASK}; expected that "
                    "column, or rows without padding"
                )


def refuse_dependence_on_padding(base: BaseModel, model: PreTrainedModel, train: Channel) -> None:
    """Try the model on the shortest training row, without and with padding.

    FNet and Nystromformer have layers that read the padding too, and XLNet classifies by the last token: what they
    answer depends on the other rows of a batch, and the delivered model would not pass its verification. ConvBERT's
    and MobileBERT's answers depend on it a little.

    Raises:
        UserError: the logits differ, or the model cannot compute them.
    """
    if model.config._attn_implementation not in CPU_ATTENTION:
        return
    row, length = train.rows.select([int(train.lengths.argmin())])[0], int(train.lengths.min())
    pad_id, longest = base.config.pad_token_id, base_model.position_limit(base.config)
    batches = [PaddingCollator(pad_id, multiple, longest)([row]) for multiple in (1, length + PADDING)]
    try:
        alone, padded = (logits_of(model, batch) for batch in batches)
    except (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError) as error:
        raise UserError(
            f"model {base.name} ({base.config.model_type}) cannot compute a row of {length} tokens of channel train: "
            f"{first_line(error)}"
        ) from None
    difference = float(np.abs(padded - alone).max() / max(np.abs(alone).max(), 1e-6))
    found = (
        f"model {base.name} ({base.config.model_type}) gives a row other logits where a batch pads it, by "
        f"{difference:.1g} of the largest"
    )
    # NaN is no matter of padding, and ends the training at its first steps.
    if difference > TOLERANCE:
        raise UserError(f"{found}; expected a model whose layers mask padding on the right of a row")
    if difference > ROUNDING:
        log.warning("%s: scores of an evaluation may differ from the answers of the delivered model", found)


def logits_of(model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> np.ndarray:
    """(rows, classes) float32, without dropout; the random state stays as it is."""
    inputs = {name: tensor for name, tensor in batch.items() if name != "labels"}
    was_training = model.training
    model.eval()
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        logits = model(**inputs).logits
    model.train(was_training)
    return logits.float().numpy()
