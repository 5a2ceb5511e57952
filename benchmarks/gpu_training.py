"""Training for benchmarks/gpu_bench.py: the image with its defaults, the tutorial's train.py, single steps."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import gpu_inputs, jobs
from benchmarks.gpu_inputs import Inputs
from benchmarks.measure import Program, Run, run
from benchmarks.training import Result, with_peak_share
from contract.files import read_json
from contract.machine import gpus
from contract.paths import Paths

ROOT = Path(__file__).parents[1]
POLL_SECONDS = 0.25
VARIANTS = ("padded", "without padding")
COMPILED = "torch.compile"
Figures = dict[str, Any]


@dataclass
class GpuMemory:
    """The most memory in MB that nvidia-smi reports for the first GPU, of all its processes; 0 without a driver."""

    most: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Ask until `ended` is set."""
        while True:
            used = next(iter(gpus("memory.used")), "").split()
            if used and used[0].isdigit():
                self.most = max(self.most, int(used[0]))
            if self.ended.wait(POLL_SECONDS):
                return


@contextmanager
def gpu_memory() -> Iterator[GpuMemory]:
    """Watch the GPU's memory during the block."""
    memory = GpuMemory()
    thread = threading.Thread(target=memory.watch, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        memory.ended.set()
        thread.join()


@dataclass(frozen=True)
class TrainingBench:
    """Programs that train one model on rows of at most so many tokens.

    Attributes:
        folder: not yet existing, for what they write.
        inputs: rows.
        model: folder of the model, with weights.
        tokens: to which rows are cut, and the tutorial pads.
        batch: rows of a step.
        steps: of the image.
        compiles: whether torch.compile is measured, which takes a minute.
    """

    folder: Path
    inputs: Inputs
    model: Path
    tokens: int
    batch: int
    steps: int
    compiles: bool = False

    def image(self) -> Figures:
        """The training image with its defaults, apart from the batch, the number of steps and checkpoints."""
        channels = gpu_inputs.write_channels(self.folder / "input", self.inputs.rows, self.model)
        values: dict[str, Any] = {"max_steps": self.steps, "train_batch_size": self.batch, "max_length": self.tokens}
        values |= {"save_strategy": "no", "eval_strategy": "no", "logging_steps": 50}
        paths = jobs.create(self.folder / "image", channels, values)
        result, memory = self.run(jobs.ENTRY_POINT, paths, "image")
        metrics = read_json(paths.output_data / "metrics.json", "metrics")["metrics"]
        names = {"samples": "samples_per_second", "tokens": "tokens_per_second", "padding": "padding_share"}
        found = {short: metrics[f"train_{name}"] for short, name in names.items()}
        return {**found, "mfu": metrics.get("train_peak_share"), "memory": memory, "host_memory": result.peak / 1e6}

    def tutorial(self) -> Figures:
        """benchmarks/peers/tutorial_training.py with the same rows, padded, and the same batch."""
        border = len(self.inputs.rows) * 4 // 5
        command = [sys.executable, "-m", "benchmarks.peers.tutorial_training", "--model", str(self.model)]
        for flag, rows in {"--train": self.inputs.rows[:border], "--test": self.inputs.rows[border:]}.items():
            self.write_padded(self.folder / flag.strip("-"), rows)
            command += [flag, str(self.folder / flag.strip("-"))]
        command += ["--output", str(self.folder / "tutorial-output"), "--batch", str(self.batch)]
        result, memory = self.run(tuple(command), Paths(self.folder / "tutorial"), "tutorial")
        printed = json.loads((self.folder / "tutorial.log").read_text().splitlines()[-1])
        metrics = {name: printed[f"{name}_per_second"] for name in ("samples", "tokens")}
        share = self.share(Result(result, printed))
        return {
            **metrics,
            "padding": printed["padding"],
            "mfu": share,
            "memory": memory,
            "host_memory": result.peak / 1e6,
        }

    def share(self, result: Result) -> float | None:
        """MFU of the tutorial's training, in bf16 as of the others, though it computes in fp32."""
        import torch

        if not torch.cuda.is_available():
            return None
        return with_peak_share(result, str(self.model)).metrics.get("peak_share")

    def steps_alone(self) -> Iterator[Figures]:
        """benchmarks/gpu_steps.py, as it goes."""
        rows = self.folder / "rows.jsonl"
        gpu_inputs.write_rows(rows, self.inputs.rows)
        seconds = 0.3 if self.inputs.small else 3.0
        variants = (*VARIANTS, COMPILED) if self.compiles else VARIANTS
        command = [sys.executable, "-m", "benchmarks.gpu_steps", self.model, rows, self.tokens, self.batch, seconds]
        with (self.folder / "steps.log").open("w") as log:
            process = subprocess.Popen(
                [*map(str, command), *variants], cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True
            )
            for line in process.stdout or ():
                yield json.loads(line)
            process.wait()

    def run(self, command: tuple[str, ...], paths: Paths, name: str) -> tuple[Run, int]:
        """Run a program; returns what was measured of its processes, and the peak memory of the GPU in MB."""
        with gpu_memory() as memory:
            result = run(Program(name, command, environ=jobs.environment(paths)), self.folder / f"{name}.log")
        return result, memory.most

    def write_padded(self, folder: Path, rows: Any) -> None:
        """Write rows as the tutorial's processing does: tokenized, padded to `tokens`."""
        from datasets import Dataset
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self.model / "tokenizer.json"))
        tokenizer.enable_truncation(self.tokens)
        tokenizer.enable_padding(length=self.tokens)
        encoded = tokenizer.encode_batch([row.text for row in rows])
        columns = {"input_ids": [one.ids for one in encoded], "attention_mask": [one.attention_mask for one in encoded]}
        Dataset.from_dict({**columns, "labels": [row.label for row in rows]}).save_to_disk(folder)
