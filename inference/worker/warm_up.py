"""Warm-up: forward passes of the kinds that requests will cause: short, long, single, padded, on all threads."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from inference.worker import isolation
from inference.worker.parameters import Parameters
from inference.worker.request import Request, Text

if TYPE_CHECKING:
    from inference.worker.classifier import Classifier
    from inference.worker.tokenization import Encoded

SHORTEST = 16
# A step with inputs of twice the length takes up to four times as long; one that might exceed the seconds is not begun.
SECONDS, GROWTH = 20.0, 4

log = logging.getLogger(__name__)


def warm_up(classifier: Classifier) -> None:
    """Check whether texts may share a forward pass (inference/worker/isolation.py), then run passes of growing length.

    Each step has a single row, and a padded batch of as many tokens as the largest batches of requests, on all threads.
    So the first requests are not slower than others, and too little GPU memory is an error at the start. Of a model
    whose longest inputs take minutes, only shorter ones are tried.
    """
    isolation.ensure(classifier)
    spent = 0.0
    for length in lengths(classifier.loaded.max_length):
        started = time.monotonic()
        run(classifier, length)
        step = time.monotonic() - started
        spent += step
        if length < classifier.loaded.max_length and spent + GROWTH * step > SECONDS:
            log.info("warmed up with inputs of up to %d of %d tokens", length, classifier.loaded.max_length)
            return


def lengths(longest: int) -> Iterator[int]:
    """Numbers of tokens: SHORTEST and its doubles below `longest`, then `longest`."""
    length = SHORTEST
    while length < longest:
        yield length
        length *= 2
    yield longest


def run(classifier: Classifier, length: int) -> None:
    """A pass with one row of `length` tokens, also on every thread, then passes with rows of two lengths."""
    long, short = rows(classifier, length), rows(classifier, max(length // 2, 1))
    classifier.logits(long)
    classifier.parallel.on_every_thread(lambda: classifier.forward.once(long))
    count = max(classifier.batch_tokens // length, 2 * classifier.parallel.count)
    classifier.logits([*long * (count - count // 2), *short * (count // 2)])


def rows(classifier: Classifier, length: int) -> list[Encoded]:
    """One text of about `length` tokens, at least one beside the special tokens."""
    least = classifier.loaded.tokenizer.special_tokens(pair=False) + 1
    return classifier.encode(Request([Text("warm " * length)], Parameters(max_length=max(length, least))))
