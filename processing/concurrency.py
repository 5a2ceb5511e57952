"""Thread pools: prefetching, and parallel map over batches with results in order."""

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
def ahead(items: Iterable[Item], most: int) -> Iterator[Iterator[Item]]:
    """`items`, up to `most` of them fetched beforehand by one thread, which begins at once.

    Raises:
        Exception: what `items` raised, at its turn.
    """
    source = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:

        def fetch() -> Future[list[Item]]:
            return pool.submit(lambda: list(islice(source, 1)))

        waiting = deque(fetch() for _ in range(most))

        def fetched() -> Iterator[Item]:
            while found := waiting.popleft().result():
                waiting.append(fetch())
                yield from found

        try:
            yield fetched()
        finally:
            for future in waiting:
                future.cancel()


def ordered(items: Iterable[Item], work: Callable[[Item], Result], workers: int) -> Iterator[Result]:
    """`work` of each of `items`, in their order, by `workers` threads while the next item is fetched here.

    At most `workers` + 1 items are under way, so memory stays flat. Threads help where `work` and the
    fetching leave the interpreter's lock, as DuckDB, Arrow, numpy, tokie and tokenizers do.

    Raises:
        Exception: what `work` raised, at its item's turn; later items are not begun.
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
