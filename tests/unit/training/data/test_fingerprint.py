"""Digests that tell contents apart, and nothing else."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa

from training.data import fingerprint

IDS = [[2, 7, 3], [2, 8, 9, 3], [2, 5, 3]]
LENGTHS, LABELS = np.array([3, 4, 3]), np.array([0, 1, 1])


def rows(ids: list[list[int]], *cuts: int) -> str:
    edges = [0, *cuts, len(ids)]
    parts = [pa.array(ids[a:b], pa.list_(pa.int32())) for a, b in itertools.pairwise(edges)]
    return fingerprint.of_rows(pa.chunked_array(parts), LENGTHS, LABELS)


def test_other_ids_of_the_same_lengths_and_labels_are_other_rows() -> None:
    assert rows(IDS) != rows([[2, 7, 3], [2, 8, 9, 3], [2, 6, 3]])


def test_other_labels_and_other_ends_of_rows_are_other_rows() -> None:
    ids = pa.chunked_array([pa.array(IDS)])
    found = {fingerprint.of_rows(ids, LENGTHS, LABELS), fingerprint.of_rows(ids, LENGTHS, 1 - LABELS)}
    assert len(found | {fingerprint.of_rows(ids, LENGTHS[::-1] + 1, LABELS)}) == 3


def test_how_the_rows_lie_in_memory_does_not_matter() -> None:
    sliced = pa.array([[1], *IDS, [4, 4]], pa.list_(pa.int32())).slice(1, 3)
    fixed = pa.array([[1, 2], [3, 4]], pa.list_(pa.int64(), 2))
    free = pa.array([[1, 2], [3, 4]], pa.list_(pa.int32()))
    two = np.array([2, 2])
    assert rows(IDS) == rows(IDS, 1) == rows(IDS, 1, 2)
    assert rows(IDS) == fingerprint.of_rows(pa.chunked_array([sliced]), LENGTHS, LABELS)
    assert fingerprint.of_rows(pa.chunked_array([fixed]), two, two) == fingerprint.of_rows(
        pa.chunked_array([free]), two, two
    )


def test_a_model_is_its_configuration_and_its_weights(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"weights")
    config = {"hidden_size": 8, "_name_or_path": "here", "transformers_version": "5.3.0"}
    whole = fingerprint.of_model(config, [file])
    assert whole == fingerprint.of_model({"hidden_size": 8, "_name_or_path": "there"}, [file])
    assert whole != fingerprint.of_model({"hidden_size": 9}, [file])
    assert whole != fingerprint.of_model(config, [])
    file.write_bytes(b"others.")
    assert whole != fingerprint.of_model(config, [file])
