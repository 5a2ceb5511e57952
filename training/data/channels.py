"""Channels train, validation and test of a job: loaded, or validation split off train; their max_length."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from contract.failures import UserError
from contract.paths import Paths
from training.data.channel import Channel, Channels, split
from training.data.channel import load as load_channel
from training.data.tokenization import TextEncoder
from training.model import base_model
from training.model.base_model import BaseModel
from training.options import TrainingOptions

# Where neither a hyperparameter nor a card says how long raw text may be; the model's own limit, if that is less.
MAX_LENGTH = 512

log = logging.getLogger(__name__)


def load(paths: Paths, options: TrainingOptions, base: BaseModel, seed: int) -> Channels:
    """Channel `train`; `validation` or a part of train; `test` if it is there.

    Raises:
        UserError: train is missing, a channel cannot be read, or has classes that train does not know.
    """
    encoder = encoder_of(options, base)
    train = load_channel(paths.channel("train"), encoder)
    if train.card is not None:
        encoder = replace(encoder, max_length=train.card.max_length)
    test = optional(paths.channel("test"), encoder, train)
    validation = optional(paths.channel("validation"), encoder, train)
    if validation is None:
        train, validation = split(train, options.validation_fraction, seed)
        log.info(
            "no channel validation: %s rows of train are held out by a hash of their ids", f"{len(validation.rows):,}"
        )
    return Channels(train, validation, test, max_length(options, base, encoder, train))


def max_length(options: TrainingOptions, base: BaseModel, encoder: TextEncoder, train: Channel) -> int:
    """Most tokens of a row: as configured, else the card's, else for text that is tokenized here what it was cut to.

    Of rows that others have tokenized nobody says what they were cut to: the model's limit, or where it has none the
    longest row's length.

    Raises:
        UserError: the hyperparameter max_length contradicts the card.
    """
    if train.card is not None:
        if options.max_length not in (None, train.card.max_length):
            raise UserError(
                f"hyperparameter max_length is {options.max_length}, but channel train was processed with "
                f"{train.card.max_length}; expected the same, or process with --max-length {options.max_length}"
            )
        return train.card.max_length
    if options.max_length is not None or train.tokenized_here:
        return encoder.max_length
    return base_model.position_limit(base.config) or int(train.lengths.max())


def encoder_of(options: TrainingOptions, base: BaseModel) -> TextEncoder:
    """How this job's text becomes rows: with the model's tokenizer, as long as model and options allow."""
    length = options.max_length or min(MAX_LENGTH, base_model.position_limit(base.config) or MAX_LENGTH)
    return TextEncoder(base.tokenizer_file, length, options.text_column, options.label_column)


def optional(folder: Path, encoder: TextEncoder, train: Channel) -> Channel | None:
    """The channel in `folder`, None where there is none; train must know all its classes."""
    if not folder.is_dir():
        return None
    channel = load_channel(folder, encoder, train.label_names)
    if channel.card and train.card and channel.label_names != train.label_names:
        raise UserError(f"channel {folder.name} has labels {channel.label_names}, but train has {train.label_names}")
    if channel.labels.max() >= len(train.label_names):
        raise UserError(f"channel {folder.name} has label {channel.labels.max()}, but train has {train.label_names}")
    return channel
