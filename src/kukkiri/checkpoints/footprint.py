"""How much memory a graph's activations take, measured on the graph itself: what the tiler plans with.

The largest sum of tensors that are alive at one time, walking the nodes in order: a tensor lives from the node
that makes it to the last one that reads it; weights do not count. A transposed convolution also needs its
unrolled columns (output channels x kernel area for each input pixel), which ONNX Runtime holds in one piece.
Two sizes give the two coefficients of bytes = linear * pixels + quadratic * pixels^2; the quadratic one is
zero except for networks that compare every pixel with every other.
"""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime

__all__ = ["measure_footprint"]

_SIDES = (16, 32)
_LARGER_SIDES = (64, 128)
"""For networks that see everything, but whose pairs of pixels are not yet the largest tensors at 32: SAN's regions."""


def measure_footprint(model: Any, *, multiple: int = 1, sees_everything: bool = False) -> dict[str, float]:
    """Bytes of simultaneous activations for each pixel of the input ``lr``, at batch 1.

    Args:
        model: an ``onnx.ModelProto`` with one input (N, C, H, W).
        multiple: of the input's sides.
        sees_everything: every output pixel depends on the whole input.

    Returns:
        ``linear``, bytes for each pixel, and ``quadratic``, bytes for each pixel squared.
    """
    session = _session_with_all_outputs(model)
    linear, quadratic = _fitted(model.graph, session, _SIDES, multiple=multiple)
    if sees_everything and not quadratic:
        linear, quadratic = _fitted(model.graph, session, _LARGER_SIDES, multiple=multiple)
    return {"linear": round(linear, 1), "quadratic": round(quadratic, 6)}


def _fitted(graph: Any, session: Any, sides: tuple[int, int], *, multiple: int) -> tuple[float, float]:
    """Both coefficients from the peaks at two sizes."""
    few, many = ((side * multiple) ** 2 for side in sides)
    small, large = (_peak_bytes(graph, session, side=side * multiple) for side in sides)
    quadratic = (large / many - small / few) / (many - few)
    if quadratic * many < 0.02 * large / many:  # shapes and rounding, not growth
        quadratic = 0.0
    return large / many - quadratic * many, quadratic


def _session_with_all_outputs(model: Any) -> Any:
    """A session that returns every tensor between two nodes, in the order of the graph, nothing fused."""
    observed = onnx.ModelProto()
    observed.CopyFrom(model)
    del observed.graph.output[:]
    for node in observed.graph.node:
        observed.graph.output.extend(onnx.ValueInfoProto(name=name) for name in node.output if name)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(observed.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _peak_bytes(graph: Any, session: Any, *, side: int) -> int:
    source = graph.input[0]
    channels = source.type.tensor_type.shape.dim[1].dim_value
    lr = np.full((1, channels, side, side), 0.5, dtype=np.float32)
    names = [one.name for one in session.get_outputs()]
    found = dict(zip(names, session.run(names, {source.name: lr}), strict=True))
    sizes = {source.name: lr.nbytes, **{name: np.asarray(value).nbytes for name, value in found.items()}}
    return _walk(graph, sizes)


def _walk(graph: Any, sizes: Mapping[str, int]) -> int:
    readers = Counter(name for node in graph.node for name in node.input)
    readers.update(value.name for value in graph.output)
    weights = {tensor.name: tensor.dims for tensor in graph.initializer}
    alive = peak = sizes[graph.input[0].name]
    for node in graph.node:
        alive += sum(sizes.get(name, 0) for name in node.output)
        peak = max(peak, alive + _workspace(node, sizes, weights))
        for name in node.input:
            readers[name] -= 1
            if readers[name] == 0 and name not in weights:
                alive -= sizes.get(name, 0)
    return peak


def _workspace(node: Any, sizes: Mapping[str, int], weights: Mapping[str, Any]) -> int:
    if node.op_type != "ConvTranspose" or node.input[1] not in weights:
        return 0
    channels_in, *rest = weights[node.input[1]]
    return int(sizes[node.input[0]] // channels_in * math.prod(rest))
