from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import torch

from inference.worker.parallel import LEAST_TOKENS, ParallelPasses


def test_passes_run_at_the_same_time_on_one_core_each_and_stay_in_order() -> None:
    together = threading.Barrier(2, timeout=10)

    def step(number: int) -> tuple[int, int]:
        together.wait()
        return number, torch.get_num_threads()

    def work() -> tuple[list[tuple[int, int]], int]:
        torch.set_num_threads(2)
        parallel = ParallelPasses(torch.get_num_threads())
        return list(parallel.map(step, [3, 1, 4, 1])), torch.get_num_threads()

    # In a separate thread, since torch's number of threads is per thread.
    with ThreadPoolExecutor(1) as caller:
        results, threads = caller.submit(work).result()
    assert results == [(3, 1), (1, 1), (4, 1), (1, 1)]
    assert threads == 2


def test_a_single_pass_has_all_cores() -> None:
    assert list(ParallelPasses(2).map(lambda _: threading.current_thread(), [0])) == [threading.current_thread()]


def test_each_thread_has_the_same_number_of_token_balanced_passes() -> None:
    rng = random.Random(1)
    lengths = [rng.randrange(20, 40) for _ in range(32)]
    passes = ParallelPasses(2).plan(lengths, 512)
    sizes = [len(each) * lengths[each[0]] for each in passes]
    assert len(passes) == 6
    assert max(sizes) - min(sizes) <= max(lengths) + 0.1 * max(sizes)
    assert sorted(index for each in passes for index in each) == list(range(32))


def test_there_are_more_passes_only_where_they_save_more_than_they_cost() -> None:
    # In two passes one thread would have 240 tokens and the other 40.
    assert len(ParallelPasses(2).plan([60, 10, 60, 10, 60, 10, 60, 10], 512)) == 3
    assert len(ParallelPasses(2).plan([60, 58, 60, 58, 60, 58, 60, 58], 512)) == 2


def test_no_pass_is_tiny_or_above_the_budget() -> None:
    assert ParallelPasses(4).plan([LEAST_TOKENS] * 3, 4096) == [[0, 1, 2]]
    assert len(ParallelPasses(4).plan([LEAST_TOKENS] * 4, 4096)) == 4
    assert ParallelPasses(2).plan([500] * 4, 512) == [[0], [1], [2], [3]]
    assert ParallelPasses(1).plan([100] * 9, 512) == [[0, 1, 2, 3, 4], [5, 6, 7, 8]]


def test_every_thread_is_called_once() -> None:
    names: list[str] = []
    parallel = ParallelPasses(3)
    for _ in range(20):
        names.clear()
        parallel.on_every_thread(lambda: names.append(threading.current_thread().name))
        assert len(set(names)) == len(names) == 3
    ParallelPasses(1).on_every_thread(lambda: names.append("the caller's"))
    assert "the caller's" not in names
