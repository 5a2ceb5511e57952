from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from contract.onnx_int8 import quantize

WIDTH, OUTPUTS = 64, 48


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """Sessions of a model of two products of its input and one of two computed factors, in fp32 and in int8."""
    folder = tmp_path_factory.mktemp("int8")
    rng = np.random.default_rng(0)
    first, second = (rng.normal(size=(WIDTH, OUTPUTS)).astype(np.float32) for _ in range(2))
    nodes = [
        helper.make_node("MatMul", ["x", "first"], ["a"]),
        helper.make_node("MatMul", ["x", "second"], ["b"]),
        helper.make_node("Transpose", ["b"], ["c"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["a", "c"], ["y"]),
    ]
    sizes = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", "length", WIDTH])]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * 3) for name in ("a", "y")]
    weights = [numpy_helper.from_array(first, "first"), numpy_helper.from_array(second, "second")]
    graph = helper.make_graph(nodes, "products", sizes, outputs, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), folder / "float32")
    assert quantize(folder / "float32", folder / "int8") == 2
    onnx.checker.check_model(onnx.load(folder / "int8"))
    providers = ["CPUExecutionProvider"]
    first_session, second_session = (
        onnxruntime.InferenceSession(folder / name, providers=providers) for name in ("float32", "int8")
    )
    return first_session, second_session


def activations(rows: int = 3, length: int = 5) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(rows, length, WIDTH)).astype(np.float32)


def test_the_products_are_those_of_fp32_but_for_rounding(sessions: tuple[Any, Any]) -> None:
    expected, found = (session.run(["a", "y"], {"x": activations()}) for session in sessions)
    for one, other in zip(expected, found, strict=True):
        difference = np.abs(one - other).max() / np.abs(one).max()
        assert 0 < difference < 0.02


def test_a_token_does_not_depend_on_the_others(sessions: tuple[Any, Any]) -> None:
    """Neither on other rows nor on large values in them, which give a scale of the whole tensor its size."""
    x = activations()
    alone = sessions[1].run(["a"], {"x": x[1:2, :4]})[0]
    x[0] *= 1000
    x[1, 4] *= 1000
    assert np.array_equal(sessions[1].run(["a"], {"x": x})[0][1:2, :4], alone)


def test_tokens_of_zeros_stay_zeros(sessions: tuple[Any, Any]) -> None:
    found = sessions[1].run(["a"], {"x": np.zeros((1, 2, WIDTH), np.float32)})[0]
    assert np.array_equal(found, np.zeros((1, 2, OUTPUTS), np.float32))
