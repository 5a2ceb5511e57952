"""Thread pools: prefetching the next batches, and a parallel map over batches with results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def prefetched(items: Iterable[Item], most: int) -> Iterator[Iterator[Item]]:
    """Context manager: iterate over `items` while one thread fetches up to `most` of them in advance.

    The thread starts at once.

    Raises:
        Exception: an exception of `items`, after the items before it.
    """
    source = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as pool:

        def fetch() -> Future[list[Item]]:
            return pool.submit(lambda: list(islice(source, 1)))

        waiting = deque(fetch() for _ in range(most))

        def fetched() -> Iterator[Item]:
            while batch := waiting.popleft().result():
                waiting.append(fetch())
                yield from batch

        try:
            yield fetched()
        finally:
            for future in waiting:
                future.cancel()


def map_in_order(items: Iterable[Item], work: Callable[[Item], Result], workers: int) -> Iterator[Result]:
    """Apply `work` to each of `items` in `workers` threads; results come in the order of `items`.

    At most `workers` + 1 items are in flight, so memory does not grow with their number. Threads run in
    parallel where `work` releases the GIL, as DuckDB, Arrow, numpy and the tokenizing libraries do.

    Raises:
        Exception: an exception of `work`, after the results of the items before; later items are not started.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="batch") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
