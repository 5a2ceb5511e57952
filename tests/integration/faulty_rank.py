"""One of two ranks, which fails as the variable FAULT says while the other one waits for it; run by the launcher."""

import os
import signal

import torch
import torch.distributed as dist

from training.distributed.rank_failures import RankFolder, settle
from training.distributed.stopping import StopRequest


def bug() -> None:
    raise ValueError("odd")


def memory() -> None:
    torch.empty(2**60, dtype=torch.uint8)


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


FAULTS = {"bug": bug, "memory": memory, "killed": killed}


def main() -> None:
    folder = RankFolder.from_environment(os.environ)
    with settle(folder):
        StopRequest(folder.stop_file).install()
        dist.init_process_group("gloo")
        dist.barrier()
        if folder.rank == 1:
            FAULTS[os.environ["FAULT"]]()
        dist.barrier()


if __name__ == "__main__":
    main()
