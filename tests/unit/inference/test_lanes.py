from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import torch

from inference.lanes import LEAST_TOKENS, Lanes


def test_passes_run_at_the_same_time_on_one_core_each_and_stay_in_order() -> None:
    together = threading.Barrier(2, timeout=10)

    def step(number: int) -> tuple[int, int]:
        together.wait()
        return number, torch.get_num_threads()

    def work() -> tuple[list[tuple[int, int]], int]:
        torch.set_num_threads(2)
        lanes = Lanes(torch.get_num_threads())
        return list(lanes.map(step, [3, 1, 4, 1])), torch.get_num_threads()

    # A thread of its own: how many threads torch takes is kept for each.
    with ThreadPoolExecutor(1) as caller:
        results, threads = caller.submit(work).result()
    assert results == [(3, 1), (1, 1), (4, 1), (1, 1)]
    assert threads == 2


def test_a_single_pass_has_all_cores() -> None:
    assert list(Lanes(2).map(lambda _: threading.current_thread(), [0])) == [threading.current_thread()]


def test_there_is_work_for_every_lane_but_no_tiny_pass() -> None:
    assert Lanes(2).budget(4000, 4096) == 1000
    assert Lanes(2).budget(100_000, 4096) == 4096
    assert Lanes(4).budget(200, 4096) == LEAST_TOKENS
    assert Lanes(1).budget(4000, 4096) == 4096
