"""The Trainer with our order of rows, our checkpoints and honest counts."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Sampler, SequentialSampler
from transformers import Trainer
from transformers.trainer import OPTIMIZER_NAME, SCHEDULER_NAME

from contract.failures import UserError
from contract.files import STAGING
from training.callbacks import EpochCallback
from training.checkpointing import hyperparameter_history, model_state, optimizer_state, saving, store
from training.checkpointing.hyperparameter_history import Stretch
from training.checkpointing.store import Checkpoint, Origin
from training.checkpointing.trainer_progress import ProgressCallback, TrainerProgress
from training.data.sampler import Order, RankBatches
from training.distributed import sharding
from training.distributed.collectives import Agreement
from training.distributed.stopping import EvaluationInterruptedError
from training.divergence import DivergenceError, NonFiniteSteps, refuse_loss
from training.microbatches import split
from training.throughput import Cost, Counts

log = logging.getLogger(__name__)


class JobTrainer(Trainer):
    """transformers.Trainer as this image runs it.

    Args:
        order: of the training rows.
        origin: what the checkpoints belong to.
        agreement: of the ranks.
        tokens: most tokens of a micro-batch; 0 takes a batch as a whole.
        in_force: all hyperparameters, as training.checkpointing.hyperparameter_history.in_force gives them.
        non_finite: counts the steps whose loss is not finite.
        keyword arguments: Trainer's own.
    """

    def __init__(
        self,
        *,
        order: Order,
        origin: Origin,
        agreement: Agreement,
        tokens: int,
        in_force: Mapping[str, Any],
        non_finite: NonFiniteSteps,
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        self.tokens, self.non_finite = tokens, non_finite
        self.in_force, self.stretches = in_force, [Stretch(1, in_force)]
        self.batches = RankBatches(
            order,
            self.args.process_index,
            self.args.world_size,
            self.args.gradient_accumulation_steps,
            self.args.dataloader_drop_last,
        )
        self.origin, self.agreement = origin, agreement
        self.counts, self.cost = Counts(), Cost.of(self.model)
        self.root = Path(self.args.output_dir)
        # Steps of checkpoints: what this run went on from, and the newest that is there; None for none.
        self.resumed_from: int | None = None
        self.saved: int | None = None
        self.save_seconds = 0.0
        self.settings_changed = self.diverged = False
        self.best_before: tuple[float | None, int | None] = (None, None)
        self.progress = ProgressCallback(self)
        self.add_callback(EpochCallback(self.batches))
        self.add_callback(self.progress)

    def create_accelerator_and_postprocess(self) -> None:
        sharding.ask_for_whole_states()
        super().create_accelerator_and_postprocess()
        if not self.is_deepspeed_enabled:
            # The loss is a share of the whole step's already; accelerate would divide it once more.
            self.accelerator.gradient_accumulation_steps = 1
        if self.args.fsdp_plugin_args is not None and not self.is_fsdp_enabled and self.args.world_size > 1:
            sharding.enable_fsdp(self)

    # Data

    def get_train_dataloader(self) -> DataLoader:
        """Batches of this rank; not prepared by accelerate, which would shard them once more."""
        workers = self.args.dataloader_num_workers
        return DataLoader(
            self._remove_unused_columns(self.train_dataset, description="training"),
            batch_sampler=self.batches,
            collate_fn=self.data_collator,
            num_workers=workers,
            pin_memory=self.args.dataloader_pin_memory,
            persistent_workers=workers > 0 and self.args.dataloader_persistent_workers,
            prefetch_factor=self.args.dataloader_prefetch_factor,
            # A generator of its own, so that starting an iterator leaves dropout's random state alone.
            generator=torch.Generator(),
        )

    def _get_eval_sampler(self, eval_dataset: Any) -> Sampler[int]:
        # In the order given (the longest first): no metric depends on it.
        return SequentialSampler(eval_dataset)

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """The gradient of a batch, micro-batch by micro-batch; ranks add theirs up after the last one."""
        parts = list(split(inputs, self.tokens, self.data_collator.multiple))
        total = torch.zeros((), device=self.args.device)
        for place, part in enumerate(parts, start=1):
            self.counts.add(part["attention_mask"])
            with self.accelerator.no_sync(model) if place < len(parts) else nullcontext():
                total += super().training_step(model, part, num_items_in_batch)
        self.non_finite.add(total)
        return total

    # Time

    def train_from(self, found: Checkpoint | None) -> None:
        """Train to the end, from the checkpoint `found` where there is one."""
        if found is not None:
            log.info("resuming from %s", found.folder.name)
            self.resumed_from = self.saved = found.step
            self.stretches = hyperparameter_history.read(found.folder)
            self.settings_changed = hyperparameter_history.compare(self.stretches[-1].values, self.in_force, found.step)
            self.stretches = hyperparameter_history.continued(self.stretches, found.step, self.in_force)
            self.progress.progress = TrainerProgress.read(found.folder)
            # It took place when the training began.
            self.args.eval_on_start = False
        # An evaluation that was owed and broken off again is still owed by the checkpoint.
        with self.counts.running(), suppress(EvaluationInterruptedError):
            self.train(resume_from_checkpoint=str(found.folder) if found else None)

    def give_up(self, why: DivergenceError) -> None:
        """End a training that has diverged; what an earlier step gave can be evaluated then."""
        log.warning("%s", why)
        self.diverged, self.is_in_train = True, False
        self.callback_handler.on_train_end(self.args, self.state, self.control)

    def _init_training_state(self, max_steps: int, *arguments: Any, **keywords: Any) -> tuple[int, int]:
        """As Trainer does, which logs, evaluates and saves at the intervals of the checkpoint, not of this start."""
        places = super()._init_training_state(max_steps, *arguments, **keywords)
        self.state.compute_steps(self.args, max_steps)
        return places

    def _run_epoch(self, *arguments: Any, **keywords: Any) -> None:
        """As Trainer does, which after a checkpoint of the very last step inside an epoch trains one step more."""
        if self.state.global_step >= self.state.max_steps:
            self.control.should_training_stop = True
        if not self.control.should_training_stop:
            super()._run_epoch(*arguments, **keywords)

    def _maybe_log_save_evaluate(self, *arguments: Any, **keywords: Any) -> None:
        try:
            super()._maybe_log_save_evaluate(*arguments, **keywords)
        except EvaluationInterruptedError:
            self.progress.owes_evaluation = True
            self._save_checkpoint(self.model, None)
            self.control.should_training_stop = True

    def evaluate_and_save(self) -> None:
        """What was broken off, done again; the checkpoint of the step is replaced by one that owes nothing."""
        self._determine_best_metric(self._evaluate(None, None), None)
        self._save_checkpoint(self.model, None)

    def evaluate(self, *arguments: Any, **keywords: Any) -> dict[str, float]:
        # Evaluation draws a number for its loader; training must not notice how often it took place.
        with self.counts.paused(), torch.random.fork_rng(devices=[]):
            metrics = super().evaluate(*arguments, **keywords)
        refuse_loss(metrics, self.state.global_step)
        return metrics

    # Checkpoints

    def _save(self, output_dir: str | None = None, state_dict: dict[str, torch.Tensor] | None = None) -> None:
        """Weights under the names in memory, and the configuration; `state_dict` is a sharded model's, gathered."""
        folder, model = Path(output_dir or self.args.output_dir), self.accelerator.unwrap_model(self.model)
        model_state.write(model.state_dict() if state_dict is None else state_dict, folder)
        model.config.save_pretrained(folder)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        """As Trainer does, but strictly: a whole model gets all of its weights, or none and an error."""
        if sharding.is_sharded(self):
            super()._load_from_checkpoint(resume_from_checkpoint, model)
        else:
            model_state.load(self.accelerator.unwrap_model(model or self.model), Path(resume_from_checkpoint))

    def _get_output_dir(self, trial: Any) -> str:  # noqa: ARG002 (Trainer passes it by name)
        return str(self.root / STAGING)

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        before = self.state.best_metric, self.state.best_global_step
        best = super()._determine_best_metric(metrics, trial)
        if best and self.args.save_strategy != "no":
            # The best model must be there to be delivered; Trainer names its step for two of the strategies alone.
            self.control.should_save = True
            self.state.best_global_step = self.state.global_step
            self.best_before = before
        return best

    def _save_checkpoint(self, model: Any, trial: Any) -> None:  # noqa: ARG002 (Trainer's signature)
        started = time.monotonic()
        with self.counts.paused():
            self.save()
        self.save_seconds = time.monotonic() - started

    def save(self) -> None:
        """A checkpoint of this step, written aside by all ranks and published by one.

        Raises:
            UserError: it cannot be written, and there is no earlier one to fall back on.
        """
        staging = self.root / STAGING
        if self.is_local_process_zero():
            shutil.rmtree(staging, ignore_errors=True)
        self.agreement.barrier()
        staged = staging / f"{store.PREFIX}{self.state.global_step}"
        problem = saving.write(self, staged) or saving.first_problem(self, [publish], staged)
        if self.is_local_process_zero():
            shutil.rmtree(staging, ignore_errors=True)
        if problem:
            self.go_on_without(problem)
        else:
            self.saved = self.state.global_step

    def go_on_without(self, problem: str) -> None:
        """A save that failed costs no more than what it would have saved, as long as there is an earlier one."""
        step = self.state.global_step
        if self.saved is None:
            raise UserError(
                f"the checkpoint of step {step} cannot be written to {self.root} ({problem}), and there is no earlier "
                "one; expected room for at least two checkpoints"
            )
        if self.state.best_global_step == step:
            self.state.best_metric, self.state.best_global_step = self.best_before
        if self.is_world_process_zero():
            log.error(
                "the checkpoint of step %d was not written: %s; the training goes on, with the one of step %d "
                "to fall back on",
                step,
                problem,
                self.saved,
            )

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """As Trainer does, with this start's learning rate, schedule and decay where they are not the checkpoint's.

        Trainer asks torch for the unknown device cpu:0 in a distributed run on CPUs.
        """
        groups = optimizer_state.hyperparameters(self.optimizer)
        if checkpoint is None or self.is_fsdp_enabled or self.is_deepspeed_enabled:
            super()._load_optimizer_and_scheduler(checkpoint)
        else:
            for name, part in ((OPTIMIZER_NAME, self.optimizer), (SCHEDULER_NAME, self.lr_scheduler)):
                part.load_state_dict(torch.load(Path(checkpoint) / name, map_location="cpu", weights_only=True))
        if checkpoint is not None and self.settings_changed:
            optimizer_state.restore(self.optimizer, self.lr_scheduler, groups)

    # Counts

    def speed(self) -> dict[str, float]:
        """Rows, tokens and padding of this run over all ranks; tokens are those that are not padding.

        On a GPU whose peak is known, also the share of its bf16 arithmetic.
        """
        counts, seconds = self.counts, max(self.counts.seconds, 1e-9)
        rows, tokens, pairs, cells = self.agreement.sums([counts.rows, counts.tokens, counts.pairs, counts.cells])
        found = {
            "train_samples_per_second": rows / seconds,
            "train_tokens_per_second": tokens / seconds,
            "train_padding_share": 1 - tokens / cells if cells else 0.0,
        }
        device = torch.cuda.get_device_name(self.args.device) if self.args.device.type == "cuda" else ""
        share = self.cost.share(tokens, pairs, seconds, device, self.args.world_size)
        return found if share is None else {**found, "train_peak_share": share}


def publish(trainer: JobTrainer, staged: Path) -> None:
    """By the first rank: the manifest, the final name, and the end of what is too old."""
    if not trainer.is_world_process_zero():
        return
    state, args = trainer.state, trainer.args
    order = trainer.batches.order
    store.publish(staged, trainer.root / staged.name, state.global_step, args.world_size, order.batch, trainer.origin)
    best = {state.best_global_step} if state.best_global_step else set()
    store.prune(trainer.root, args.save_total_limit, best)
    log.info("saved %s", staged.name)
