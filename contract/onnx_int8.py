"""Quantizes an ONNX model to int8: weights per output channel, activations per token as they come.

A scale for each token, unlike onnxruntime.quantization's one for a whole tensor, keeps a text's logits independent of
the other texts of its batch, and rounds less. A product x W becomes s_x s_w (q_x q_w) with s = max|.| / 127 and
q = round(. / s), as in LLM.int8() (https://arxiv.org/abs/2208.07339) and ZeroQuant (https://arxiv.org/abs/2206.01861).
MatMulIntegerToFloat is an operator of onnxruntime:
https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

# Largest quantized value; -128 is not used, so that the range is symmetric.
LARGEST = 127
# Smallest scale: a token whose activations are all 0 must not be divided by 0.
LEAST_SCALE = 1e-12
# Activations are unsigned, with this value for 0: x86's instructions for int8 products (VNNI) take one unsigned factor.
ZERO = np.array(128, np.uint8)
DOMAIN = "com.microsoft"


def quantize(source: Path, path: Path) -> int:
    """Write the model in `source` to `path` with its products by constant matrices in int8; returns their number."""
    model = onnx.load(source)
    graph = model.graph
    weights = matrices(graph)
    rewriter = Rewriter()
    count = 0
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in weights:
            rewriter.product(node, weights[node.input[1]])
            count += 1
        else:
            rewriter.nodes.append(node)
    read = {name for node in rewriter.nodes for name in node.input} | {item.name for item in graph.output}
    nodes = [node for node in rewriter.nodes if node.op_type != "Transpose" or node.output[0] in read]
    initializers = rewriter.initializers
    del graph.node[:]
    graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    kept = [item for item in graph.initializer if item.name in used]
    del graph.initializer[:]
    graph.initializer.extend([*kept, *initializers.values()])
    if DOMAIN not in [entry.domain for entry in model.opset_import]:
        model.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    onnx.save(model, path)
    return count


def matrices(graph: Any) -> dict[str, Any]:
    """The constant matrices of `graph` by name, also those that it transposes first, as torch 2.6 exports them."""
    found = {item.name: item for item in graph.initializer if len(item.dims) == 2}
    for node in graph.node:
        if node.op_type == "Transpose" and node.input[0] in found:
            name = node.output[0]
            found[name] = numpy_helper.from_array(numpy_helper.to_array(found[node.input[0]]).T.copy(), name)
    return found


class Rewriter:
    """Collects the nodes and constants of the quantized graph."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.initializers: dict[str, Any] = {}
        self._quantized: dict[str, tuple[str, str, str]] = {}

    def product(self, node: Any, weight: Any) -> None:
        """Add the nodes that replace the MatMul `node` by the constant matrix `weight` [inputs, outputs]."""
        matrix = numpy_helper.to_array(weight)
        quantized, scale, sizes = self.activations(node.input[0], matrix.shape[0])
        name = node.output[0]
        self.initializers[f"{weight.name}_int8"], self.initializers[f"{weight.name}_scale"] = constants(weight, matrix)
        one = self.constant("one", np.float32(1))
        self.add(
            "MatMulIntegerToFloat",
            [quantized, f"{weight.name}_int8", one, f"{weight.name}_scale", self.constant("zero", ZERO)],
            f"{name}_columns",
            domain=DOMAIN,
        )
        self.add("Mul", [f"{name}_columns", scale], f"{name}_flat")
        outputs = self.constant(f"outputs_{matrix.shape[1]}", np.array([matrix.shape[1]], np.int64))
        self.add("Concat", [sizes, outputs], f"{name}_shape", axis=0)
        self.add("Reshape", [f"{name}_flat", f"{name}_shape"], name)

    def activations(self, name: str, width: int) -> tuple[str, str, str]:
        """Names of the quantized activations [tokens, width], their scales [tokens, 1], and the sizes before `width`.

        Several products of the same activations (query, key and value) share them.
        """
        if name not in self._quantized:
            self.flatten(name, width)
            last, least = np.array([-1], np.int64), np.float32(LEAST_SCALE)
            self.add("Abs", [f"{name}_rows"], f"{name}_abs")
            self.add("ReduceMax", [f"{name}_abs", self.constant("last", last)], f"{name}_max", keepdims=1)
            share = self.constant("share", np.float32(1 / LARGEST))
            self.add("Mul", [f"{name}_max", share], f"{name}_share")
            self.add("Max", [f"{name}_share", self.constant("least", least)], f"{name}_scale")
            self.add("Squeeze", [f"{name}_scale", self.constant("last", last)], f"{name}_scales")
            self.add("Shape", [f"{name}_scales"], f"{name}_tokens")
            zero = numpy_helper.from_array(ZERO.reshape(1))
            self.add("ConstantOfShape", [f"{name}_tokens"], f"{name}_zeros", value=zero)
            self.add("QuantizeLinear", [f"{name}_rows", f"{name}_scales", f"{name}_zeros"], f"{name}_int8", axis=0)
            self._quantized[name] = (f"{name}_int8", f"{name}_scale", f"{name}_sizes")
        return self._quantized[name]

    def flatten(self, name: str, width: int) -> None:
        """Reshape `name` [..., width] to `name`_rows [tokens, width], and keep the other sizes as `name`_sizes."""
        rows = self.constant(f"rows_{width}", np.array([-1, width], np.int64))
        self.add("Reshape", [name, rows], f"{name}_rows")
        self.add("Shape", [name], f"{name}_sizes", end=-1)

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> None:
        """Add a node with one output, after which it is named."""
        self.nodes.append(helper.make_node(operator, inputs, [output], output, **attributes))

    def constant(self, name: str, value: Any) -> str:
        """Name of a constant, which is added once."""
        full = f"int8_{name}"
        self.initializers.setdefault(full, numpy_helper.from_array(np.asarray(value), full))
        return full


def constants(weight: Any, matrix: np.ndarray) -> tuple[Any, Any]:
    """The int8 matrix and the float32 scale of each of its columns, as constants of the graph."""
    scale = np.maximum(np.abs(matrix).max(axis=0) / LARGEST, LEAST_SCALE).astype(np.float32)
    rounded = np.clip(np.rint(matrix / scale), -LARGEST, LARGEST).astype(np.int8)
    return (
        numpy_helper.from_array(rounded, f"{weight.name}_int8"),
        numpy_helper.from_array(scale, f"{weight.name}_scale"),
    )
