"""Channels train, validation and test of a job: loaded, or validation split off train; their max_length."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from contract.failures import UserError
from contract.paths import Paths
from training.data import sources
from training.data.channel import Channel, Channels, split, with_classes
from training.data.channel import load as load_channel
from training.data.columns import UnlabelledError, named
from training.data.delimited import text_settings
from training.data.sources import SPLIT_NAMES, own_name
from training.data.tokenization import TextEncoder
from training.model import base_model
from training.model.base_model import BaseModel
from training.options import MODEL_CHANNEL, TrainingOptions

# Where neither a hyperparameter nor a card says how long raw text may be; the model's own limit, if that is less.
MAX_LENGTH = 512
# What launchers mount beside the data: SDK 3's script mode, and its code.
OTHER_CHANNELS = ("code", "sm_drivers")

log = logging.getLogger(__name__)


def load(paths: Paths, options: TrainingOptions, base: BaseModel, seed: int) -> Channels:
    """Channel `train`; `validation` or a part of train; `test` if it is there.

    Raises:
        UserError: train is missing, a channel cannot be read, or has classes that train does not know.
    """
    encoder = encoder_of(options, base)
    name_unread(paths)
    folder = find(paths, "train")
    train = load_channel(folder, encoder, split_name="train")
    if train.card is not None:
        encoder = replace(encoder, max_length=train.card.max_length)
    test = optional(paths, "test", encoder, train, folder)
    validation = optional(paths, "validation", encoder, train, folder)
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
    """How this job's text becomes rows: with the model's tokenizer, as long as model and options allow.

    Raises:
        UserError: max_length leaves no room for text.
    """
    length = options.max_length or min(MAX_LENGTH, base_model.position_limit(base.config) or MAX_LENGTH)
    special = base.tokenizer.num_special_tokens_to_add()
    if length <= special:
        raise UserError(
            f"hyperparameter max_length is {length}, expected more than the {special} special tokens of a row"
        )
    settings = text_settings(options)
    return TextEncoder(base.tokenizer_file, length, options.text_column, options.label_column, settings)


def find(paths: Paths, split: str) -> Path:
    """The folder of the channel for `split`, by any of the names that it goes by; train's, say, where there is none.

    Raises:
        UserError: there are several.
    """
    folders = [paths.channel(name) for name in SPLIT_NAMES[split] if paths.channel(name).is_dir()]
    if len(folders) > 1:
        raise UserError(f"channels {' and '.join(each.name for each in folders)} are both for {split}, expected one")
    if folders and folders[0].name != split:
        log.info("channel %s is taken for %s", folders[0].name, split)
    return folders[0] if folders else paths.channel(split)


def name_unread(paths: Paths) -> None:
    """Log the channels that are none of those that this image reads."""
    known = {MODEL_CHANNEL, *OTHER_CHANNELS, *(name for names in SPLIT_NAMES.values() for name in names)}
    root = paths.channel(MODEL_CHANNEL).parent
    found = sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    unread = [name for name in found if name not in known and not name.startswith(".")]
    if unread:
        log.warning("channels %s are not read; train, validation, test and model are", named(unread))


def optional(paths: Paths, split: str, encoder: TextEncoder, train: Channel, train_folder: Path) -> Channel | None:
    """The rows for `split`, from a channel of its own or from the splits within train's; None where there are none.

    Raises:
        UserError: train does not know all its classes.
    """
    folder = find(paths, split)
    within = own_name(sources.splits(train_folder), split)
    if folder.is_dir():
        return agreed(load_channel(folder, encoder, train.label_names, split), train, folder.name)
    if within is None:
        return None
    log.info("split %s of channel %s is taken for %s", within, train_folder.name, split)
    try:
        return agreed(load_channel(train_folder, encoder, train.label_names, split), train, within)
    except UnlabelledError:
        log.warning("split %s of channel %s has no labels and is not used", within, train_folder.name)
        return None


def agreed(channel: Channel, train: Channel, name: str) -> Channel:
    """`channel` with the classes of train, by their names where both have some."""
    if channel.is_named and train.is_named and channel.label_names != train.label_names:
        try:
            channel = with_classes(channel, train.label_names)
        except UserError as error:
            raise UserError(f"channel {name}: {error}") from None
        log.info("channel %s has its classes in another order than train; its labels are numbered anew", name)
    if channel.labels.max() >= len(train.label_names):
        raise UserError(f"channel {name} has label {channel.labels.max()}, but train has {train.label_names}")
    return channel
