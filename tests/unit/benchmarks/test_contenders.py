"""The servers that the inference benchmark compares."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.contenders import classify, invocation, low_port, run_onnx


def test_requests_have_the_form_that_each_server_takes() -> None:
    assert invocation(["a"], single=True) == {"inputs": "a", "parameters": {"truncation": True}}
    assert invocation(["a", "b"], single=False)["inputs"] == ["a", "b"]
    assert classify(["a"], single=True)["input"] == ["a"]


def test_the_port_is_one_that_multi_model_server_takes() -> None:
    assert 0 < low_port() < 2**15


def test_a_model_that_was_not_exported_is_named(tmp_path: Path) -> None:
    (tmp_path / "ml" / "model").mkdir(parents=True)
    with (
        pytest.raises(SystemExit, match="--model has no onnx/model.onnx, expected a folder that training wrote"),
        run_onnx("python", tmp_path),
    ):
        pass
