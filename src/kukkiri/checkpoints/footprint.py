"""Memory footprint of a graph: the bytes of its activations, from which the tiler plans.

The footprint is the largest sum of tensors that are alive at one time when the nodes run in order. A tensor lives from
the node that makes it to the last node that reads it; weights do not count. A transposed convolution also needs its
unrolled columns (output channels x kernel area for each input pixel), which ONNX Runtime holds in one piece.
Two sizes give the two coefficients of bytes = linear * pixels + quadratic * pixels^2; the quadratic one is
zero except for networks that relate every pixel to every other.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import onnxruntime

__all__ = ["measure_footprint"]

_SIDES = (16, 32)
_LONGER_SIDES = (64, 128)
"""For global networks whose pairs of pixels are not yet the largest tensors at 32, such as SAN with its regions."""


def measure_footprint(model: onnx.ModelProto, *, multiple: int = 1, is_global: bool = False) -> dict[str, float]:
    """Measure the bytes of simultaneous activations for each pixel of the input ``lr``, at batch 1.

    Args:
        model: a graph whose first input is (N, C, H, W), and others (N, length).
        multiple: of the input's sides.
        is_global: every output pixel depends on the whole input.

    Returns:
        ``linear``, bytes for each pixel, and ``quadratic``, bytes for each pixel squared.
    """
    session = _observe(model)
    linear, quadratic = _fit(model.graph, session, _SIDES, multiple=multiple)
    if is_global and not quadratic:
        linear, quadratic = _fit(model.graph, session, _LONGER_SIDES, multiple=multiple)
    return {"linear": round(linear, 1), "quadratic": round(quadratic, 6)}


def _fit(
    graph: onnx.GraphProto, session: onnxruntime.InferenceSession, sides: tuple[int, int], *, multiple: int
) -> tuple[float, float]:
    """Fit both coefficients to the peaks at two sizes."""
    few, many = ((side * multiple) ** 2 for side in sides)
    small, large = (_find_peak(graph, session, side=side * multiple) for side in sides)
    quadratic = (large / many - small / few) / (many - few)
    if quadratic * many < 0.02 * large / many:  # shapes and rounding, not growth
        quadratic = 0.0
    return large / many - quadratic * many, quadratic


def _observe(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """Make a session that returns every tensor between two nodes, in the order of the graph, nothing fused."""
    observed = onnx.ModelProto()
    observed.CopyFrom(model)
    del observed.graph.output[:]
    for node in observed.graph.node:
        observed.graph.output.extend(onnx.ValueInfoProto(name=name) for name in node.output if name)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(observed.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _find_peak(graph: onnx.GraphProto, session: onnxruntime.InferenceSession, *, side: int) -> int:
    """Run the graph at one size and find its largest sum of live tensors."""
    source = graph.input[0]
    channels = source.type.tensor_type.shape.dim[1].dim_value
    lr = np.full((1, channels, side, side), 0.5, dtype=np.float32)
    names = [output.name for output in session.get_outputs()]
    inputs = {source.name: lr}
    for condition in graph.input[1:]:
        length = condition.type.tensor_type.shape.dim[1].dim_value
        inputs[condition.name] = np.zeros((1, length), dtype=np.float32)
    found = dict(zip(names, session.run(names, inputs), strict=True))
    sizes = {
        **{name: value.nbytes for name, value in inputs.items()},
        **{name: np.asarray(value).nbytes for name, value in found.items()},
    }
    return _walk(graph, sizes)


def _walk(graph: onnx.GraphProto, sizes: Mapping[str, int]) -> int:
    """Walk the nodes in order and find the largest sum of live tensors."""
    readers = Counter(name for node in graph.node for name in node.input)
    readers.update(value.name for value in graph.output)
    weights = {tensor.name: tensor.dims for tensor in graph.initializer}
    alive = peak = sizes[graph.input[0].name]
    for node in graph.node:
        alive += sum(sizes.get(name, 0) for name in node.output)
        peak = max(peak, alive + _count_workspace(node, sizes, weights))
        for name in node.input:
            readers[name] -= 1
            if readers[name] == 0 and name not in weights:
                alive -= sizes.get(name, 0)
    return peak


def _count_workspace(node: onnx.NodeProto, sizes: Mapping[str, int], weights: Mapping[str, Sequence[int]]) -> int:
    """Bytes that a node needs beside its inputs and outputs."""
    if node.op_type != "ConvTranspose" or node.input[1] not in weights:
        return 0
    channels_in, *rest = weights[node.input[1]]
    return int(sizes[node.input[0]] // channels_in * math.prod(rest))
