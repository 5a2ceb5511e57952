"""What every rank runs: data and model in, training with stops and resumes, results out.

As a program (`python -m training.worker`) it is one rank that the launcher started.
"""

from __future__ import annotations

import logging
import os
from typing import Any

import datasets
import torch
import transformers
from transformers import PreTrainedModel, PrinterCallback, TrainerCallback, TrainingArguments, set_seed

from contract import logs
from contract.failures import UserError
from contract.paths import Paths
from training import arguments, base_model, data, delivery, fingerprint, hyperparameters, lora
from training import resume as resuming
from training.base_model import BaseModel
from training.callbacks import LogCallback
from training.causes import RankFolder, settle
from training.channels import load as load_channels
from training.checkpoints import Origin
from training.collator import PaddingCollator
from training.data import Channel, Channels
from training.hyperparameters import Hyperparameters
from training.loss import ClassificationLoss, balanced
from training.order import STRATEGIES, Order
from training.patience import PatienceCallback
from training.predictions import Judge
from training.stop import Agreement, StopCallback, StopRequest
from training.trainer import JobTrainer

# transformers' name for where its TensorBoard files go.
TENSORBOARD_VARIABLE = "TENSORBOARD_LOGGING_DIR"

# Named in full: as a program this module is __main__.
log = logging.getLogger("training.worker")


def main() -> None:
    """Run one rank; its cause of failure goes where the launcher looks."""
    folder = RankFolder.from_environment(os.environ)
    # One rank tells how it goes; the others only what is wrong.
    logs.configure(logs.level(os.environ) if folder.rank == 0 else "WARNING")
    paths = Paths.from_environment(os.environ)
    with settle(folder):
        request = StopRequest(folder.stop_file)
        request.install()
        run(paths, hyperparameters.read(paths.hyperparameters), request)


def run(paths: Paths, asked: Hyperparameters, request: StopRequest) -> None:
    """Train, judge and deliver, as one rank of however many there are.

    Raises:
        UserError: the caller's mistake.
        InterruptionError: a stop was asked for; a checkpoint was saved.
    """
    quiet()
    os.environ.setdefault(TENSORBOARD_VARIABLE, str(paths.tensorboard))
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    args = arguments.build(asked.arguments, paths.checkpoints, evaluates=True, world_size=world_size)
    if args.process_index == 0:
        arguments.explain(asked.arguments, evaluates=True)
    base = load_base(paths, asked)
    channels = load_channels(paths, asked.options, base, args.seed)
    fit(base, channels)
    adaptation = lora.wanted(asked.options)
    refuse_together(args, adaptation)
    origin = Origin(
        fingerprint.of_rows(channels.train.lengths, channels.train.labels),
        fingerprint.of_config(base.config.to_dict() | ({"lora": adaptation} if adaptation else {})),
    )
    agreement = Agreement()
    found = resuming.choose(
        paths.checkpoints,
        origin,
        agreement,
        wanted=asked.options.resume,
        first_on_host=args.local_process_index == 0,
        first=args.process_index == 0,
    )
    order = make_order(args, channels.train, resuming.rows_per_step(args, found))
    set_seed(args.seed)
    stop = StopCallback(request, agreement, asked.options.checkpoint_minutes)
    parts = {"order": order, "origin": origin, "agreement": agreement, "callbacks": make_callbacks(stop, asked)}
    trainer = make_trainer(args, asked, channels, base, parts)
    # Each rank draws its own dropout; a resumed one gets its random state from the checkpoint.
    torch.manual_seed(args.seed + args.process_index)
    trainer.train_from(found)
    if stop.stopped:
        delivery.interrupt(paths, trainer, request.seconds_left(asked.options.grace_period), channels.train, base)
    delivery.deliver(paths, trainer, asked, channels, base)
    agreement.barrier()


def quiet() -> None:
    """No progress bars: their carriage returns make one endless line of a log."""
    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()


def load_base(paths: Paths, asked: Hyperparameters) -> BaseModel:
    """The model to start from, its classes not yet named."""
    return base_model.describe(base_model.find(asked.options, paths), asked.options.model_revision)


def fit(base: BaseModel, channels: Channels) -> None:
    """Give the model the data's classes, and refuse it where it does not suit the data."""
    base_model.name_classes(base, channels.train.label_names)
    parts = [part for part in (channels.train, channels.validation, channels.test) if part is not None]
    base_model.check(base, channels.train.card, max(int(part.lengths.max()) for part in parts))


def refuse_together(args: TrainingArguments, adaptation: dict[str, Any] | None) -> None:
    """Raises UserError: LoRA and a sharded model, which would have to be whole to be merged."""
    if adaptation and (args.fsdp or args.deepspeed):
        raise UserError("hyperparameters lora_r and fsdp or deepspeed are both set, expected one of them")


def load_model(base: BaseModel, asked: Hyperparameters) -> PreTrainedModel:
    """The model to train, with layers of low rank where they are asked for."""
    model = base_model.load(base, asked.options.attn_implementation)
    adaptation = lora.wanted(asked.options)
    if adaptation:
        lora.adapt(model, adaptation)
    return model


def make_order(args: TrainingArguments, train: Channel, rows: int) -> Order:
    """The order of the rows of `train`, so many to a step."""
    if args.train_sampling_strategy not in STRATEGIES:
        raise UserError(
            f"hyperparameter train_sampling_strategy is {args.train_sampling_strategy!r}, expected one of {STRATEGIES}"
        )
    seed = args.seed if args.data_seed is None else args.data_seed
    return Order(train.lengths, rows, seed, args.train_sampling_strategy)


def make_loss(args: TrainingArguments, asked: Hyperparameters, train: Channel) -> ClassificationLoss:
    is_balanced = asked.options.class_weights == "balanced"
    return ClassificationLoss(
        args.label_smoothing_factor, balanced(train.labels, len(train.label_names)) if is_balanced else None
    )


def make_callbacks(stop: StopCallback, asked: Hyperparameters) -> list[TrainerCallback]:
    patience = asked.options.early_stopping_patience
    return [stop, LogCallback(), *([] if patience is None else [PatienceCallback(patience)])]


def make_trainer(
    args: TrainingArguments, asked: Hyperparameters, channels: Channels, base: BaseModel, parts: dict[str, Any]
) -> JobTrainer:
    """The Trainer of this job; `parts` are arguments that it is made with too."""
    trainer = JobTrainer(
        model=load_model(base, asked),
        args=args,
        tokens=arguments.micro_batch_tokens(asked.options.tokens_per_batch, args),
        train_dataset=channels.train.rows,
        eval_dataset=data.by_length(channels.validation),
        data_collator=PaddingCollator(
            base.config.pad_token_id or 0, asked.options.pad_to_multiple_of, base_model.position_limit(base.config)
        ),
        compute_metrics=Judge(),
        compute_loss_func=make_loss(args, asked, channels.train),
        **parts,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


if __name__ == "__main__":
    main()
