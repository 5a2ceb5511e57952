"""Channels train, validation and test of a job: loaded, or validation split off train; their max_length."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from contract.card import REGRESSION, SINGLE_LABEL
from contract.failures import UserError
from contract.paths import Paths
from training.data import sources
from training.data.channel import Channel, Channels, split, with_classes
from training.data.channel import load as load_channel
from training.data.columns import TYPES, named
from training.data.delimited import text_settings
from training.data.labels import UnlabelledError
from training.data.raw_labels import RawLabels
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
    train = load_channel(folder, encoder, split_name="train", problem_type=options.problem_type)
    refuse_constant(train, folder)
    refuse_other_texts(train, options)
    encoder = replace(encoder, labels=replace(encoder.labels, problem_type=train.problem_type))
    if train.card is not None:
        encoder = replace(encoder, max_length=train.card.max_length)
    test = optional(paths, "test", encoder, train, folder)
    validation = optional(paths, "validation", encoder, train, folder)
    if validation is None:
        train, validation = split(train, options.validation_fraction, seed)
        log.info(
            "no channel validation: %s rows of train are held out by a hash of their ids", f"{len(validation.rows):,}"
        )
    train, validation, *more = (
        each if encoder.token_types else without_types(each) for each in (train, validation, test) if each is not None
    )
    return Channels(train, validation, more[0] if more else None, max_length(options, base, encoder, train))


def without_types(channel: Channel) -> Channel:
    """`channel` without token_type_ids, for a model that does not know them."""
    names = [name for name in channel.rows.column_names if name != TYPES]
    return replace(channel, rows=channel.rows.select_columns(names))


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
    special = base.tokenizer.num_special_tokens_to_add(pair=options.text_pair_column is not None)
    if length <= special:
        raise UserError(
            f"hyperparameter max_length is {length}, expected more than the {special} special tokens of a row"
        )
    return TextEncoder(
        base.tokenizer_file,
        length,
        options.text_column,
        options.text_pair_column,
        options.truncation,
        RawLabels(options.label_column, options.label_columns, options.label_delimiter, options.problem_type),
        base_model.has_token_types(base),
        text_settings(options),
    )


def refuse_constant(train: Channel, folder: Path) -> None:
    """Raises UserError: there is nothing to learn, as all rows have the same label."""
    if len(train.rows) > 1 and (train.labels == train.labels[0]).all():
        what = "number" if train.problem_type == REGRESSION else "label"
        raise UserError(f"channel {folder}: all {len(train.rows):,} rows have the same {what}; expected different ones")


def refuse_other_texts(train: Channel, options: TrainingOptions) -> None:
    """Raises UserError: text_pair_column is set, but the rows were tokenized before, without or with another column."""
    column = train.card.text_pair_column if train.card is not None else None
    if options.text_pair_column is None or train.tokenized_here or options.text_pair_column == column:
        return
    made = "tokenized before" if train.card is None else f"processed with {column or 'no second text'}"
    raise UserError(
        f"hyperparameter text_pair_column is {options.text_pair_column}, but channel train was {made}; expected the "
        "same, or rows of raw text"
    )


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
    within, is_own = own_name(sources.splits(train_folder), split), folder.is_dir()
    if not is_own and within is None:
        return None
    name = folder.name if is_own else str(within)
    if not is_own:
        log.info("split %s of channel %s is taken for %s", within, train_folder.name, split)
    try:
        found = load_channel(folder if is_own else train_folder, encoder, train.label_names, split, train.problem_type)
    except UnlabelledError as error:
        # A job that is given rows to choose the model by should not choose it by others.
        if is_own and split == "validation":
            raise UserError(f"{error}, or no channel {name}: then a part of train is held out") from None
        log.warning("%s %s has no labels and is not used: %s", "channel" if is_own else "split", name, error)
        return None
    return agreed(found, train, name)


def agreed(channel: Channel, train: Channel, name: str) -> Channel:
    """`channel` with the classes of train, by their names where both have some."""
    if channel.is_named and train.is_named and channel.label_names != train.label_names:
        try:
            channel = with_classes(channel, train.label_names)
        except UserError as error:
            raise UserError(f"channel {name}: {error}") from None
        log.info("channel %s has its classes in another order than train; its labels are numbered anew", name)
    if channel.labels.ndim == 2 and channel.labels.shape[1] != len(train.label_names):
        raise UserError(
            f"channel {name} has {channel.labels.shape[1]} labels, but train has {len(train.label_names)}; "
            "expected the same"
        )
    if channel.problem_type == SINGLE_LABEL and channel.labels.max() >= len(train.label_names):
        raise UserError(f"channel {name} has label {channel.labels.max()}, but train has {train.label_names}")
    return channel
