"""Checks of training on a GPU, for robustness/gpu_check.py: resume, loss, MFU, DDP, FSDP, SIGTERM, out of memory."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import gpu_inputs, jobs
from benchmarks.gpu_inputs import Inputs
from contract.card import CARD_FILE
from contract.failures import UserError
from contract.files import read_json
from contract.paths import Paths
from contract.selftest import Check, NotHereError, expect, failure

# The longest that one process may take. A GPU is there for minutes, a CPU may be busy with other work.
GPU_SECONDS, CPU_SECONDS = 150, 1800
STEPS, SAVE_STEPS = 8, 2
# Differences of a step's loss: of the same precision in another order of additions, and in 16 bits among ranks.
SAME_CURVE, LIKE_CURVE = 0.02, 0.1
MARK_OF_MEMORY = "memory does not suffice"


@dataclass
class TrainingChecks:
    """Trains small jobs of the same rows and model.

    Attributes:
        folder: existing, for the jobs.
        inputs: rows and model.
        on_gpu: whether there is a GPU.
        done: paths of finished jobs by name.
    """

    folder: Path
    inputs: Inputs
    on_gpu: bool
    done: dict[str, Paths] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.seconds = limit(self.on_gpu)
        rows = self.inputs.rows[:400]
        self.channels = gpu_inputs.write_channels(self.folder / "input", rows, self.inputs.model)

    def chains(self) -> list[list[Check]]:
        """Checks by what they need of each other: those of a list run in order, lists may run at once."""
        bf16 = [
            Check("bf16: killed and resumed", partial(self.resume, "bf16")),
            Check("bf16: same loss without deterministic mode", self.curve),
            Check("MFU", self.utilization),
            Check("DDP", partial(self.ranks, "ddp", {})),
            Check("FSDP", partial(self.ranks, "fsdp", FSDP)),
        ]
        return [bf16, [Check("fp16: killed and resumed", partial(self.resume, "fp16"))], [Check("SIGTERM", self.stop)]]

    def create(self, name: str, **values: Any) -> Paths:
        """The folders of a job with the hyperparameters of all jobs here and `values`."""
        common: dict[str, Any] = {"max_steps": STEPS, "train_batch_size": 16, "learning_rate": 1e-4}
        common |= {"logging_steps": 1, "save_strategy": "steps", "save_steps": SAVE_STEPS}
        common |= {"max_length": gpu_inputs.SMALL_LENGTH if self.inputs.small else 128}
        return jobs.create(self.folder / name, self.channels, {**common, **values})

    def resume(self, precision: str) -> str:
        """Train in deterministic mode, once at a stretch and once killed after a checkpoint; the results are the same.

        Raises:
            UserError: weights, metrics or history differ.
        """
        if precision == "fp16" and not self.on_gpu:
            raise NotHereError("fp16 is for GPUs")
        values = {"bf16": precision == "bf16", "fp16": precision == "fp16", "full_determinism": True}
        whole = self.done[precision] = self.create(f"{precision}-whole", **values)
        finish(whole, self.seconds)
        killed = self.create(f"{precision}-killed", **values)
        process = jobs.start(killed)
        wait_for(process, "saved checkpoint-")
        jobs.kill(process)
        log = finish(killed, self.seconds)
        expect("resuming from checkpoint-" in log, "the second start did not resume from the checkpoint")
        differing = jobs.difference(jobs.outcome(whole), jobs.outcome(killed))
        expect(not differing, f"after a kill and a resume these differ: {', '.join(differing)}")
        return f"identical weights, metrics and history after {STEPS} steps"

    def curve(self) -> str:
        """Train without deterministic mode; the losses are those of the deterministic training, but for rounding."""
        paths = self.done["free"] = self.create("free", bf16=True)
        finish(paths, self.seconds)
        return compare(losses(self.done["bf16"]), losses(paths), SAME_CURVE)

    def utilization(self) -> str:
        """MFU is counted, and between 0 and 1."""
        if not self.on_gpu:
            raise NotHereError("no GPU")
        metrics = read_json(self.done["free"].output_data / "metrics.json", "metrics")["metrics"]
        share = metrics.get("train_peak_share")
        expect(share is not None, "train_peak_share is not among the metrics: the peak of this GPU is not known")
        expect(0 < share < 1, f"train_peak_share is {share}, expected a number between 0 and 1")
        return f"{share:.2%} of the peak, in a training of {STEPS} steps"

    def ranks(self, name: str, values: Mapping[str, Any]) -> str:
        """Train by the launcher, with one rank on a GPU and two on CPUs; the losses are those of a single process."""
        count = 1 if self.on_gpu else 2
        paths = self.create(name, bf16=True, processes_per_host=count, train_batch_size=16 // count, **values)
        finish(paths, self.seconds, "robustness.launched_training")
        card = read_json(paths.model / CARD_FILE, "card")["training"]
        expect(card["world_size"] == count, f"{card['world_size']} ranks trained, expected {count}")
        return f"{count} rank(s), {compare(losses(self.done['free']), losses(paths), LIKE_CURVE)}"

    def stop(self) -> str:
        """SIGTERM during the training leaves a checkpoint, a partial model and a sentence."""
        paths = self.create("stopped", max_steps=2000)
        process = jobs.start(paths)
        log = wait_for(process, "step = ")
        process.send_signal(signal.SIGTERM)
        log += process.communicate(timeout=self.seconds)[0]
        expect(process.returncode != 0, "a training that SIGTERM stopped ended with status 0")
        reason = paths.failure.read_text()
        expect("interrupted, checkpoint at step" in reason, f"the failure reason is {reason!r}")
        expect((paths.model / "model.safetensors").is_file(), "no partial model was delivered")
        return reason

    def out_of_memory(self) -> str:
        """A batch that does not fit the GPU ends with one sentence."""
        if not self.on_gpu:
            raise NotHereError("no GPU")
        model = gpu_inputs.write_bert_base(self.folder / "bert-base", self.inputs)
        rows = [*self.inputs.rows] * 4
        channels = gpu_inputs.write_channels(self.folder / "large", rows, model)
        values = {"train_batch_size": len(rows), "max_length": 512, "max_steps": 2}
        paths = jobs.create(self.folder / "out-of-memory", channels, values)
        process = jobs.start(paths)
        process.communicate(timeout=self.seconds)
        reason = paths.failure.read_text() if paths.failure.is_file() else ""
        expect(process.returncode != 0 and MARK_OF_MEMORY in reason, f"the failure reason is {reason!r}")
        return reason


def limit(on_gpu: bool) -> int:
    """The most seconds that one process of a check may take."""
    return GPU_SECONDS if on_gpu else CPU_SECONDS


FSDP = {"fsdp": "full_shard", "fsdp_config": '{"transformer_layer_cls_to_wrap": ["BertLayer"]}'}


def finish(paths: Paths, seconds: float, program: str | None = None) -> str:
    """Run a job to its end, by the training image's entry point or by `program`; returns its log.

    Raises:
        UserError: it failed, or took longer than `seconds`.
    """
    command = [sys.executable, "-m", *([program] if program else ["training", "train"])]
    process = jobs.start(paths, command)
    try:
        log = process.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        jobs.kill(process)
        raise UserError(f"the training in {paths.base.name} took more than {seconds:.0f} s") from None
    if process.returncode:
        reason = paths.failure.read_text() if paths.failure.is_file() else "no reason was written"
        raise failure(f"the training in {paths.base.name} ended with status {process.returncode} ({reason})", log)
    return log


def wait_for(process: subprocess.Popen[str], mark: str) -> str:
    """Read the log of a training until a line has `mark`; returns what was read.

    Raises:
        UserError: the training ended before.
    """
    lines = []
    for line in process.stdout or ():
        lines.append(line)
        if mark in line:
            return "".join(lines)
    process.wait()
    raise failure(f"the training ended before its log had {mark!r}", "".join(lines))


def losses(paths: Paths) -> list[float]:
    """The training loss of each step of a finished job."""
    history = read_json(paths.output_data / "metrics.json", "metrics")["history"]
    return [entry["loss"] for entry in history if "loss" in entry]


def compare(expected: list[float], actual: list[float], tolerance: float) -> str:
    """Hold two loss curves against each other.

    Raises:
        UserError: they differ by more than `tolerance` at a step.
    """
    expect(len(expected) == len(actual), f"{len(actual)} losses were logged, expected {len(expected)}")
    worst = max(abs(one - other) for one, other in zip(expected, actual, strict=True))
    expect(worst <= tolerance, f"losses of a step differ by {worst:.3f}, expected at most {tolerance}")
    return f"losses of a step differ by at most {worst:.1e}"
