"""Batches are processed in parallel, in order, and with a limited number in flight."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from processing.concurrency import map_in_order, prefetched


def test_results_come_in_order_whatever_finishes_first() -> None:
    def work(number: int) -> int:
        time.sleep(0.02 if number % 3 == 0 else 0)
        return number * number

    assert list(map_in_order(range(30), work, 4)) == [number * number for number in range(30)]


def test_the_number_of_items_in_flight_is_limited() -> None:
    fetched = 0

    def items() -> Iterator[int]:
        nonlocal fetched
        for number in range(50):
            fetched += 1
            yield number

    for taken, _ in enumerate(map_in_order(items(), str, 3), 1):
        assert fetched - taken <= 3


def test_items_are_worked_on_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=10)
    assert len(list(map_in_order(range(6), lambda _: together.wait(), 3))) == 6


def test_an_exception_comes_after_the_results_before_it() -> None:
    def work(number: int) -> int:
        return 1 // (number - 2)

    found = map_in_order(range(10), work, 2)
    assert [next(found), next(found)] == [-1, -1]
    with pytest.raises(ZeroDivisionError):
        next(found)


def test_items_are_prefetched() -> None:
    begun = [threading.Event() for _ in range(4)]

    def items() -> Iterator[int]:
        for number, event in enumerate(begun):
            event.set()
            yield number

    with prefetched(items(), 2) as found:
        assert begun[1].wait(10)
        assert not begun[2].is_set()
        assert list(found) == [0, 1, 2, 3]


def test_an_exception_of_the_items_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("a broken file")

    with prefetched(items(), 4) as found:
        assert next(found) == 1
        with pytest.raises(ValueError, match="a broken file"):
            next(found)


def test_prefetching_stops_with_the_consumer() -> None:
    fetched = []

    def items() -> Iterator[int]:
        for number in range(50):
            fetched.append(number)
            yield number

    with pytest.raises(KeyError), prefetched(items(), 2) as found:
        next(found)
        raise KeyError
    assert len(fetched) <= 3
