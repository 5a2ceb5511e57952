from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from inference.device import Device
from inference.worker import warm_up
from inference.worker.classifier import Classifier
from inference.worker.loading import load
from inference.worker.parallel import ParallelPasses
from inference.worker.tokenization import Encoded


class Passes:
    """Records the forward passes of a classifier: lengths of their rows, and threads."""

    def __init__(self, classifier: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lengths: list[list[int]] = []
        self.threads: set[str] = set()
        self._once = classifier.forward.once
        monkeypatch.setattr(classifier.forward, "once", self.once)

    def once(self, rows: Sequence[Encoded]) -> torch.Tensor:
        self.lengths.append([len(row) for row in rows])
        self.threads.add(threading.current_thread().name)
        return self._once(rows)


def serve(folder: Path, count: int, max_length: int | None = None) -> Classifier:
    loaded = load(folder, Device(torch.device("cpu"), torch.float32), max_length=max_length)
    return Classifier(loaded, 256 * count, ParallelPasses(count))


@pytest.mark.parametrize("count", [1, 3])
def test_every_thread_and_length_is_warmed_up(model_folder: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    classifier = serve(model_folder, count)
    passes = Passes(classifier, monkeypatch)
    warm_up.warm_up(classifier)
    assert [1] not in passes.lengths
    for length in (16, 32):
        assert [length] in passes.lengths
    # Padded ones too.
    assert any(len(set(lengths)) > 1 for lengths in passes.lengths)
    assert len([name for name in passes.threads if name.startswith("forward")]) == (count if count > 1 else 0)
    assert max(map(sum, passes.lengths)) <= 256 * count


def test_lengths_double_up_to_the_longest_input() -> None:
    assert list(warm_up.lengths(100)) == [16, 32, 64, 100]
    assert list(warm_up.lengths(8)) == [8]


def test_a_model_whose_long_inputs_take_minutes_is_warmed_up_with_shorter_ones(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(warm_up, "SECONDS", 0.0)
    classifier = serve(model_folder, 1)
    passes = Passes(classifier, monkeypatch)
    warm_up.warm_up(classifier)
    assert "warmed up with inputs of up to 16 of 32 tokens" in caplog.messages
    # The check of isolation, before, has longer ones.
    steps = passes.lengths[passes.lengths.index([16]) :]
    assert max(map(max, steps)) == 16
