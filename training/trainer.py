"""JobTrainer, the Trainer subclass: sampler, micro-batches, evaluation and its resume, throughput."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import torch
from torch.utils.data import DataLoader, SequentialSampler

from contract.failures import UserError, first_line
from training.callbacks import EpochCallback
from training.checkpointing import best_checkpoint, hyperparameter_history
from training.checkpointing.checkpointing_trainer import CheckpointingTrainer
from training.checkpointing.store import PREFIX, Checkpoint, Origin
from training.checkpointing.trainer_progress import ProgressCallback, TrainerProgress
from training.data.collator import loader_settings
from training.data.sampler import Order
from training.distributed import sharding
from training.distributed.collectives import Agreement
from training.distributed.stopping import EvaluationInterruptedError
from training.divergence import DivergenceError, NonFiniteSteps, refuse_loss
from training.microbatches import on_device, split
from training.throughput import Cost, Counts

log = logging.getLogger(__name__)


@contextmanager
def one_sentence(what: str) -> Iterator[None]:
    """Raises UserError in place of what a library makes of settings that do not fit together."""
    try:
        yield
    except (ValueError, TypeError, KeyError, ImportError, AssertionError) as error:
        raise UserError(f"hyperparameters {what} do not fit together: {first_line(error)}") from None


class JobTrainer(CheckpointingTrainer):
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
        super().__init__(order, origin, agreement, in_force, **keywords)
        self.tokens, self.non_finite = tokens, non_finite
        self.counts, self.cost = Counts(), Cost.of(self.model)
        self.save_seconds = 0.0
        self.diverged = False
        self.progress = ProgressCallback(self)
        # Step and metrics of the last evaluation on validation.
        self.evaluated: tuple[int | None, dict[str, float]] = (None, {})
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
        return DataLoader(
            self._remove_unused_columns(self.train_dataset, description="training"),
            batch_sampler=self.batches,
            persistent_workers=self.args.dataloader_num_workers > 0 and self.args.dataloader_persistent_workers,
            # A generator of its own, so that starting an iterator leaves dropout's random state alone.
            generator=torch.Generator(),
            **loader_settings(self.args, self.data_collator),
        )

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader:
        """Batches of every row, in the order given (the longest first); prepared, so that ranks share them.

        Trainer's own keeps the loader of the validation rows where workers are persistent, and takes it for the test
        rows too; and it leaves out the last batch where dataloader_drop_last is set for training.
        """
        rows = self.eval_dataset if eval_dataset is None else eval_dataset
        loader = DataLoader(
            self._remove_unused_columns(rows, description="evaluation"),
            batch_size=self.args.eval_batch_size,
            sampler=SequentialSampler(rows),
            **loader_settings(self.args, self.data_collator),
        )
        return self.accelerator.prepare(loader)

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """The gradient of a batch, micro-batch by micro-batch; ranks add theirs up after the last one."""
        parts = list(split(inputs, self.tokens, self.data_collator.multiple))
        total = torch.zeros((), device=self.args.device)
        for place, part in enumerate(parts, start=1):
            self.counts.add(part["attention_mask"])
            with self.accelerator.no_sync(model) if place < len(parts) else nullcontext():
                total += super().training_step(model, on_device(part, self.args.device), num_items_in_batch)
        self.non_finite.add(total)
        return total

    def _get_num_items_in_batch(self, batch_samples: list[dict[str, Any]], device: torch.device) -> Any:
        """The rows of a step; in a single process on the CPU: a copy of the number would wait for the GPU."""
        rows = [{"labels": torch.ones(len(batch["labels"]))} for batch in batch_samples]
        return super()._get_num_items_in_batch(rows, "cpu" if self.args.world_size == 1 else device)

    def create_optimizer(self, *arguments: Any, **keywords: Any) -> Any:
        with one_sentence(f"optim {self.args.optim.value} and optim_args"):
            return super().create_optimizer(*arguments, **keywords)

    def create_scheduler(self, *arguments: Any, **keywords: Any) -> Any:
        with one_sentence(f"lr_scheduler_type {self.args.lr_scheduler_type.value} and lr_scheduler_kwargs"):
            return super().create_scheduler(*arguments, **keywords)

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
        # An evaluation that is interrupted once more stays recorded in the checkpoint, to be rerun.
        with self.counts.running(), suppress(EvaluationInterruptedError):
            self.train(resume_from_checkpoint=str(found.folder) if found else None)

    def give_up(self, why: DivergenceError) -> None:
        """End a training that has diverged; an earlier step can be evaluated then."""
        log.warning("%s", why)
        self.diverged, self.is_in_train = True, False
        self.callback_handler.on_train_end(self.args, self.state, self.control)

    def _init_training_state(self, max_steps: int, *arguments: Any, **keywords: Any) -> tuple[int, int]:
        """As Trainer does, which logs, evaluates and saves at the intervals of the checkpoint, not of this start."""
        places = super()._init_training_state(max_steps, *arguments, **keywords)
        self.state.compute_steps(self.args, max_steps)
        if self.state.global_step > max_steps:
            raise UserError(
                f"hyperparameters num_train_epochs and max_steps make {max_steps} steps, but the checkpoint is of step "
                f"{self.state.global_step}; expected at least as many, another checkpoint location, or resume=false"
            )
        if self.resumed_from is not None:
            best_checkpoint.replace_lost(self)
        return places

    def _run_epoch(self, *arguments: Any, **keywords: Any) -> None:
        """As Trainer does, which after a checkpoint of the very last step trains one step more."""
        if self.state.global_step >= self.state.max_steps:
            self.control.should_training_stop = True
        if not self.control.should_training_stop:
            super()._run_epoch(*arguments, **keywords)

    def _maybe_log_save_evaluate(self, *arguments: Any, **keywords: Any) -> None:
        try:
            super()._maybe_log_save_evaluate(*arguments, **keywords)
        except EvaluationInterruptedError:
            self.progress.evaluation_interrupted = True
            self._save_checkpoint(self.model, None)
            self.control.should_training_stop = True

    def evaluate_and_save(self) -> None:
        """Rerun an interrupted evaluation, and replace the checkpoint of its step by one that has its result."""
        # Trainer loads the random state later, from the checkpoint that is written here.
        self._load_rng_state(str(self.root / f"{PREFIX}{self.state.global_step}"))
        self._determine_best_metric(self._evaluate(None, None), None)
        self._save_checkpoint(self.model, None)

    def evaluate(self, *arguments: Any, **keywords: Any) -> dict[str, float]:
        # Evaluation draws a number for its loader; training must not notice how often it took place.
        with self.counts.paused(), torch.random.fork_rng(devices=[]):
            metrics = super().evaluate(*arguments, **keywords)
        refuse_loss(metrics, self.state.global_step)
        if not arguments and keywords.get("metric_key_prefix", "eval") == "eval":
            self.evaluated = self.state.global_step, metrics
        return metrics

    def evaluate_at(self, step: int) -> dict[str, float]:
        """The metrics on validation of the weights of `step`, which the model has; not computed a second time.

        Logged in any case, so that the last values of the log are those of the delivered weights.
        """
        known, metrics = self.evaluated
        if known != step or step != self.state.global_step:
            return self.evaluate(metric_key_prefix="eval")
        self.log(dict(metrics))
        return metrics

    def log(self, logs: dict[str, float], *arguments: Any, **keywords: Any) -> None:
        """As Trainer does, without its train_samples_per_second, which counts the time of evaluations and saves."""
        if "train_runtime" in logs:
            logs.pop("train_samples_per_second", None)
        super().log(logs, *arguments, **keywords)

    # Counts

    def _save_checkpoint(self, model: Any, trial: Any) -> None:  # noqa: ARG002 (Trainer's signature)
        started = time.monotonic()
        with self.counts.paused():
            self.save()
        self.save_seconds = time.monotonic() - started

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
