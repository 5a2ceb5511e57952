"""Everything that a training needs before its first step: rows, model, checkpoint to resume from, Trainer."""

from __future__ import annotations

import warnings
from typing import Any

from transformers import PreTrainedModel, PrinterCallback, TrainerCallback, TrainingArguments, set_seed
from transformers.integrations import MLflowCallback

from contract.card import MULTI_LABEL, REGRESSION
from contract.failures import UserError
from contract.paths import Paths
from training import arguments, model_fit, problem_type_checks, tracking
from training.callbacks import LogCallback, LoggingStepsCallback, PatienceCallback
from training.checkpointing import hyperparameter_history, model_state, resume
from training.checkpointing.store import Checkpoint, Origin
from training.data import channels as data_channels
from training.data import fingerprint
from training.data.channel import Channel, Channels, by_length
from training.data.collator import PaddingCollator
from training.data.sampler import Order
from training.distributed.collectives import Agreement
from training.distributed.stopping import StopCallback, StopRequest
from training.evaluation.judge import Judge
from training.hyperparameters import Hyperparameters
from training.model import base_model, layers, loading, lora
from training.model.base_model import BaseModel
from training.model.loss import (
    ClassificationLoss,
    MultiLabelLoss,
    RegressionLoss,
    StepLoss,
    balanced,
    positive_weights,
)
from training.options import TrainingOptions
from training.run import TrainingRun
from training.tracking import MlflowTracker
from training.trainer import JobTrainer, one_sentence


def prepare(
    paths: Paths, hyperparameters: Hyperparameters, args: TrainingArguments, request: StopRequest
) -> tuple[TrainingRun, Checkpoint | None, StopCallback]:
    """The training, the checkpoint that it resumes from (None for none), and what stops it; called by all ranks.

    Raises:
        UserError: the caller's mistake.
    """
    base = load_base(paths, hyperparameters)
    channels = data_channels.load(paths, hyperparameters.options, base, args.seed)
    model_fit.fit(base, channels)
    if hyperparameters.options.dropout is not None:
        layers.set_dropout(base.config, hyperparameters.options.dropout)
    problem_type_checks.check(hyperparameters, args, channels)
    adaptation = lora.wanted(hyperparameters.options)
    refuse_together(args, adaptation)
    in_force = hyperparameter_history.in_force(args, hyperparameters.options)
    # The head of the model is drawn at random.
    set_seed(args.seed)
    model = load_model(base, hyperparameters)
    model_fit.refuse_dependence_on_padding(base, model, channels.train)
    origin, agreement = make_origin(args, channels, base, adapted_by(hyperparameters.options)), Agreement()
    found = choose_checkpoint(paths, hyperparameters, args, origin, agreement, model)
    rows = resume.rows_per_step(args, found)
    refuse_empty_epoch(args, channels.train, rows)
    order = make_order(args, channels.train, rows)
    stop = make_stop(request, agreement, hyperparameters)
    tracker = make_tracker(args, paths, in_force)
    parts = {
        "model": model,
        "order": order,
        "origin": origin,
        "agreement": agreement,
        "in_force": in_force,
        "non_finite": stop.non_finite,
        "callbacks": make_callbacks(stop, hyperparameters, tracker),
    }
    trainer = make_trainer(args, hyperparameters, channels, base, parts)
    return TrainingRun(paths, hyperparameters, channels, base, trainer, tracker), found, stop


def choose_checkpoint(
    paths: Paths,
    hyperparameters: Hyperparameters,
    args: TrainingArguments,
    origin: Origin,
    agreement: Agreement,
    model: PreTrainedModel,
) -> Checkpoint | None:
    """The newest checkpoint of this job on all hosts whose weights fit `model`; None to train from the beginning."""
    fitting = model_state.shapes(model)
    return resume.choose(
        paths.checkpoints,
        origin,
        agreement,
        wanted=hyperparameters.options.resume,
        first_on_host=args.local_process_index == 0,
        first=args.process_index == 0,
        problem_of=lambda folder: model_state.mismatch(folder, fitting),
        problem_type=model.config.problem_type,
    )


def adapted_by(options: TrainingOptions) -> dict[str, Any]:
    """What decides on the weights that are trained and the groups of the optimizer, where it is set."""
    settings = {
        "lora": lora.wanted(options),
        "frozen_layers": options.frozen_layers,
        "layer_decay": options.layer_decay,
    }
    return {name: value for name, value in settings.items() if value}


def make_origin(args: TrainingArguments, channels: Channels, base: BaseModel, adaptation: dict[str, Any]) -> Origin:
    """What this job's checkpoints belong to; each host's first rank alone holds it against theirs."""
    if args.local_process_index:
        return Origin("", "", "")
    config = base.config.to_dict() | adaptation
    return Origin(
        channels.train.fingerprint,
        channels.validation.fingerprint,
        fingerprint.of_model(config, loading.weight_files(base)),
    )


def make_stop(request: StopRequest, agreement: Agreement, hyperparameters: Hyperparameters) -> StopCallback:
    """What stops the training: SIGTERM, or a loss that is no number any more."""
    options = hyperparameters.options
    return StopCallback(request, agreement, options.checkpoint_minutes, max_non_finite=options.max_nonfinite_steps)


def load_base(paths: Paths, hyperparameters: Hyperparameters) -> BaseModel:
    """The model to start from, its classes not yet named."""
    return base_model.describe(base_model.find(hyperparameters.options, paths), hyperparameters.options.model_revision)


def refuse_together(args: TrainingArguments, adaptation: dict[str, Any] | None) -> None:
    """Raises UserError: LoRA and a sharded model, which would have to be whole to be merged."""
    if adaptation and (args.fsdp or args.deepspeed):
        raise UserError("hyperparameters lora_r and fsdp or deepspeed are both set, expected one of them")


def load_model(base: BaseModel, hyperparameters: Hyperparameters) -> PreTrainedModel:
    """The model to train, with layers of low rank where lora_r is set."""
    model = loading.load(base, hyperparameters.options.attn_implementation)
    adaptation = lora.wanted(hyperparameters.options)
    if adaptation:
        lora.adapt(model, adaptation)
    if hyperparameters.options.frozen_layers:
        layers.freeze(model, hyperparameters.options.frozen_layers)
    return model


def make_order(args: TrainingArguments, train: Channel, rows: int) -> Order:
    """The order of the rows of `train`, so many to a step."""
    seed = args.seed if args.data_seed is None else args.data_seed
    return Order(train.lengths, rows, seed, args.train_sampling_strategy)


def refuse_empty_epoch(args: TrainingArguments, train: Channel, rows: int) -> None:
    """Raises UserError: dataloader_drop_last leaves no step, as a step has more rows than there are."""
    if args.dataloader_drop_last and len(train.rows) < rows:
        raise UserError(
            f"hyperparameter dataloader_drop_last is true, but a step has {rows} rows and channel train "
            f"{len(train.rows)}; expected false, or a smaller train_batch_size"
        )


def make_loss(args: TrainingArguments, hyperparameters: Hyperparameters, train: Channel) -> StepLoss:
    """The loss of the problem type, with the weights of the training rows' labels where class_weights is balanced."""
    options, smoothing = hyperparameters.options, args.label_smoothing_factor
    is_balanced = options.class_weights == "balanced"
    if train.problem_type == REGRESSION:
        return RegressionLoss(options.regression_loss == "l1")
    if train.problem_type == MULTI_LABEL:
        return MultiLabelLoss(smoothing, positive_weights(train.labels) if is_balanced else None, options.focal_gamma)
    weights = balanced(train.labels, len(train.label_names)) if is_balanced else None
    return ClassificationLoss(smoothing, weights, options.focal_gamma)


def make_tracker(args: TrainingArguments, paths: Paths, in_force: dict[str, Any]) -> MlflowTracker | None:
    """By the first rank, where report_to has mlflow."""
    if tracking.NAME not in args.report_to or args.process_index:
        return None
    return MlflowTracker(paths.checkpoints, in_force, args.run_name)


def make_callbacks(
    stop: StopCallback, hyperparameters: Hyperparameters, tracker: MlflowTracker | None
) -> list[TrainerCallback]:
    patience = hyperparameters.options.early_stopping_patience
    callbacks: list[TrainerCallback] = [stop, LogCallback()]
    if "logging_steps" not in hyperparameters.arguments:
        callbacks.append(LoggingStepsCallback())
    if patience is not None:
        callbacks.append(PatienceCallback(patience))
    return [*callbacks, *([tracker] if tracker else [])]


def make_trainer(
    args: TrainingArguments,
    hyperparameters: Hyperparameters,
    channels: Channels,
    base: BaseModel,
    parts: dict[str, Any],
) -> JobTrainer:
    """The Trainer of this job; `parts` are arguments that it is made with too."""
    loss = make_loss(args, hyperparameters, channels.train)
    with one_sentence("optim and optim_args"):
        optimizer = layers.optimizer_settings(parts["model"], args, hyperparameters.options.layer_decay)
    # Trainer's own smoothing is of one class a row, and off otherwise; the loss here smooths several labels too.
    warnings.filterwarnings("ignore", "Label smoothing is not compatible with multi-label", UserWarning)
    trainer = JobTrainer(
        args=args,
        tokens=arguments.micro_batch_tokens(hyperparameters.options.tokens_per_batch, args),
        train_dataset=channels.train.rows,
        eval_dataset=by_length(channels.validation),
        data_collator=PaddingCollator(
            base.config.pad_token_id, hyperparameters.options.pad_to_multiple_of, base_model.position_limit(base.config)
        ),
        compute_metrics=Judge(loss, channels.train.problem_type),
        compute_loss_func=loss,
        optimizer_cls_and_kwargs=optimizer,
        **parts,
    )
    trainer.remove_callback(PrinterCallback)
    # A run of its own at each start, and one for what is logged after the training: training.tracking is in its place.
    if tracking.NAME in args.report_to:
        trainer.remove_callback(MLflowCallback)
    return trainer
