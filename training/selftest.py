"""The training image's self-test: trains and resumes a tiny model, and an all-reduce by gloo and NCCL."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path

from contract import checks
from contract.card import CARD_FILE
from contract.files import read_json, write_json
from contract.paths import Paths
from contract.selftest import Check, NotHereError, environment, expect, main, run, write_rows
from contract.small_bert import write_model

ROWS, MAX_LENGTH = 64, 16
# The first run ends here and saves; the second goes on from there to its own end.
FIRST_STEPS, STEPS = 8, 12
NUMBERS = 2**20
PATIENCE = timedelta(seconds=60)


def start(environ: Mapping[str, str]) -> int:
    """Run the self-test; returns the exit status."""
    collectives = [Check("NCCL", nccl), Check("gloo", partial(collective, "gloo", 2))]
    return main(
        "training", [*checks.host(environ), *checks.accelerators(), *collectives, Check("training and resuming", job)]
    )


def job() -> str:
    """A training on made-up rows, stopped and resumed, by the image's own entry point.

    Raises:
        UserError: a run failed, or the second did not go on from the first.
    """
    # Imported here, with the library behind it: the processes of `collective` have no use for it.
    from training.options import MODEL_CHANNEL

    with tempfile.TemporaryDirectory(prefix="selftest-") as folder:
        paths = Paths(Path(folder))
        texts = write_rows(paths.channel("train") / "rows.jsonl", ROWS)
        # The ids of the small vocabulary differ from run to run, and by chance no row of train would be held out.
        write_rows(paths.channel("validation") / "rows.jsonl", ROWS)
        write_model(paths.channel(MODEL_CHANNEL), texts, MAX_LENGTH)
        train(paths, FIRST_STEPS)
        train(paths, STEPS)
        training = read_json(paths.model / CARD_FILE, "card")["training"]
        expect(training["steps"] == STEPS, f"the second run ended at step {training['steps']}, expected {STEPS}")
        expect(training["resumed_from"] == FIRST_STEPS, f"the second run began at step {training['resumed_from'] or 0}")
        return f"{STEPS} steps in {training['world_size']} process(es), resumed at step {FIRST_STEPS}"


def train(paths: Paths, steps: int) -> None:
    write_json(paths.hyperparameters, {"max_steps": str(steps), "train_batch_size": "8", "eval_strategy": "no"})
    run("training", ["train"], environment(paths.base))


def nccl() -> str:
    """All GPUs of this host add up numbers.

    Raises:
        NotHereError: there is no GPU.
    """
    import torch

    if not torch.cuda.is_available():
        raise NotHereError("no GPU")
    return collective("nccl", torch.cuda.device_count())


def collective(backend: str, processes: int) -> str:
    """`processes` processes add up NUMBERS numbers each, as gradients are."""
    import torch

    with tempfile.TemporaryDirectory(prefix="selftest-") as folder:
        # On this host alone, so that no name of it need resolve.
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        # Spawned, though PyTorch loads anew: neither CUDA nor a thread pool that has worked survives a fork.
        torch.multiprocessing.spawn(add_up, (backend, processes, f"file://{folder}/meeting"), nprocs=processes)
    return f"{processes} process(es)"


def add_up(rank: int, backend: str, processes: int, meeting: str) -> None:
    import torch

    device = torch.device("cuda", rank) if backend == "nccl" else torch.device("cpu")
    torch.distributed.init_process_group(
        backend, init_method=meeting, rank=rank, world_size=processes, timeout=PATIENCE
    )
    numbers = torch.full((NUMBERS,), rank + 1.0, device=device)
    torch.distributed.all_reduce(numbers)
    total = processes * (processes + 1) / 2
    expect(bool((numbers == total).all()), f"the sum is not {total:g}")
    torch.distributed.destroy_process_group()
