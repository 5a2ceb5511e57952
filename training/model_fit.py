"""Refuses rows that do not suit the model: their length, their token ids, their padding; names the classes."""

from __future__ import annotations

from typing import Any

import pyarrow.compute as pc

from contract.failures import UserError
from training.data.channel import Channel, Channels
from training.data.columns import IDS, MASK
from training.data.fingerprint import chunks
from training.model import base_model
from training.model.base_model import BaseModel


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
