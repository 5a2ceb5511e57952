"""The Trainer with our order of rows, our checkpoints and honest counts."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.utils.data import DataLoader, Sampler, SequentialSampler
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer import OPTIMIZER_NAME, SCHEDULER_NAME

from contract.files import STAGING
from training import checkpoints
from training.checkpoints import Origin
from training.metrics import say
from training.order import Order, RankBatches
from training.stop import Agreement

log = logging.getLogger(__name__)


@dataclass
class Counts:
    """What this rank has trained on in this run: rows, tokens, and cells with the padding."""

    rows: int = 0
    tokens: int = 0
    cells: int = 0
    seconds: float = 0.0
    _since: float = 0.0

    def add(self, mask: torch.Tensor) -> None:
        """Count a batch by its attention mask, (batch, width) on the CPU."""
        self.rows += mask.shape[0]
        self.tokens += int(mask.sum())
        self.cells += mask.numel()

    def start(self) -> None:
        self._since = time.monotonic()

    def stop(self) -> None:
        self.seconds += time.monotonic() - self._since

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Time that is not training: evaluation, saving."""
        self.stop()
        try:
            yield
        finally:
            self.start()


class JobTrainer(Trainer):
    """transformers.Trainer as this image runs it.

    Args:
        order: of the training rows.
        origin: what the checkpoints belong to.
        agreement: of the ranks.
        keyword arguments: Trainer's own.
    """

    def __init__(self, *, order: Order, origin: Origin, agreement: Agreement, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.batches = RankBatches(order, self.args.process_index, self.args.world_size, self.args.dataloader_drop_last)
        self.origin, self.agreement = origin, agreement
        self.counts = Counts()
        self.root = Path(self.args.output_dir)
        # The step that this run went on from; None where it started anew.
        self.resumed_from: int | None = None
        self.add_callback(EpochCallback(self.batches))

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
        self.counts.add(inputs["attention_mask"])
        return super().training_step(model, inputs, num_items_in_batch)

    # Time

    def train(self, *arguments: Any, **keywords: Any) -> Any:
        self.counts.start()
        try:
            return super().train(*arguments, **keywords)
        finally:
            self.counts.stop()

    def evaluate(self, *arguments: Any, **keywords: Any) -> dict[str, float]:
        # Evaluation draws a number for its loader; training must not notice how often it took place.
        with self.counts.paused(), torch.random.fork_rng(devices=[]):
            return super().evaluate(*arguments, **keywords)

    # Checkpoints

    def _get_output_dir(self, trial: Any) -> str:  # noqa: ARG002 (Trainer passes it by name)
        return str(self.root / STAGING)

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        best = super()._determine_best_metric(metrics, trial)
        # The best model must be there to be delivered.
        self.control.should_save |= best and self.args.save_strategy != "no"
        return best

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        with self.counts.paused():
            self.save(model, trial)

    def save(self, model: Any, trial: Any) -> None:
        """Trainer's checkpoint, written aside; published by one rank when all have given theirs."""
        staging = self.root / STAGING
        if self.is_local_process_zero():
            shutil.rmtree(staging, ignore_errors=True)
        self.agreement.barrier()
        super()._save_checkpoint(model, trial)
        name = f"{checkpoints.PREFIX}{self.state.global_step}"
        states = gather_bytes(rng_file(staging / name, self.args).read_bytes(), self.agreement.group)
        if self.is_world_process_zero():
            for rank, content in enumerate(states if self.args.world_size > 1 else []):
                (staging / name / f"rng_state_{rank}.pth").write_bytes(content)
            self.publish(staging / name)
        self.agreement.barrier()
        if self.is_local_process_zero():
            shutil.rmtree(staging, ignore_errors=True)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """As Trainer does, which in a distributed run on CPUs asks torch for the unknown device cpu:0."""
        if checkpoint is None or self.is_fsdp_enabled or self.is_deepspeed_enabled:
            super()._load_optimizer_and_scheduler(checkpoint)
            return
        for name, part in ((OPTIMIZER_NAME, self.optimizer), (SCHEDULER_NAME, self.lr_scheduler)):
            part.load_state_dict(torch.load(Path(checkpoint) / name, map_location="cpu", weights_only=True))

    def publish(self, staged: Path) -> None:
        # A pickle that nothing here reads; the arguments come from the hyperparameters.
        (staged / "training_args.bin").unlink(missing_ok=True)
        folder = self.root / staged.name
        checkpoints.publish(staged, folder, self.state.global_step, self.args.world_size, self.origin)
        best = {self.state.best_global_step} if self.state.best_global_step else set()
        checkpoints.prune(self.root, self.args.save_total_limit, best)
        log.info("saved %s", folder.name)

    # Counts

    def speed(self) -> dict[str, float]:
        """Rows, tokens and padding of this run over all ranks; tokens are those that are not padding."""
        seconds = max(self.counts.seconds, 1e-9)
        rows, tokens, cells = self.agreement.sums([self.counts.rows, self.counts.tokens, self.counts.cells])
        return {
            "train_samples_per_second": rows / seconds,
            "train_tokens_per_second": tokens / seconds,
            "train_padding_share": 1 - tokens / cells if cells else 0.0,
        }


class EpochCallback(TrainerCallback):
    """Tells the batches which epoch they are of."""

    def __init__(self, batches: RankBatches) -> None:
        self.batches = batches

    def on_epoch_begin(self, _args: TrainingArguments, state: TrainerState, _control: TrainerControl, **_: Any) -> None:
        self.batches.set_epoch(int(state.epoch or 0))


class LogCallback(TrainerCallback):
    """Each logged value as a `name = value` line, by the first rank."""

    def on_log(
        self,
        _args: TrainingArguments,
        state: TrainerState,
        _control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        if state.is_world_process_zero:
            say({"step": state.global_step, **(logs or {})})


def rng_file(folder: Path, args: TrainingArguments) -> Path:
    """Where Trainer puts the random states of this rank."""
    return folder / ("rng_state.pth" if args.world_size <= 1 else f"rng_state_{args.process_index}.pth")


def gather_bytes(content: bytes, group: Any) -> list[bytes]:
    """Every rank's `content`, by rank, over a gloo group (None: this process alone)."""
    if group is None:
        return [content]
    size = torch.tensor([len(content)])
    sizes = [torch.zeros_like(size) for _ in range(dist.get_world_size(group))]
    dist.all_gather(sizes, size, group=group)
    widest = max(int(s) for s in sizes)
    padded = torch.frombuffer(bytearray(content.ljust(widest, b"\0")), dtype=torch.uint8)
    parts = [torch.zeros_like(padded) for _ in sizes]
    dist.all_gather(parts, padded, group=group)
    return [part.numpy().tobytes()[: int(size)] for part, size in zip(parts, sizes, strict=True)]
