"""What the base's hf_optimizations.sh would set."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.base_defaults import base_defaults

OWN = {"PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"}
ALL = OWN | {"HF_HUB_ENABLE_HF_TRANSFER": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "hf_optimizations.sh"
    path.touch()
    return path


@pytest.mark.parametrize(
    ("environ", "runs_script", "expected"),
    [
        ({}, True, ALL),
        ({}, False, OWN),
        ({"HF_ENABLE_OPTIMIZATIONS": "0"}, True, {}),
        ({"HF_ENABLE_EXPANDABLE_SEGMENTS": "0"}, False, {}),
        ({"PYTORCH_CUDA_ALLOC_CONF": "max_split_size_mb:64"}, False, {}),
        ({"HF_ENABLE_CUDA_DEVICE_MAX_CONNECTIONS": "1"}, False, OWN | {"CUDA_DEVICE_MAX_CONNECTIONS": "1"}),
    ],
)
def test_they_are_set_unless_the_caller_decided(
    script: Path, environ: dict[str, str], runs_script: bool, expected: dict[str, str]
) -> None:
    assert base_defaults(environ, runs_script, script) == expected


def test_a_base_without_the_script_sets_none(tmp_path: Path) -> None:
    assert base_defaults({}, True, tmp_path / "none") == {}
