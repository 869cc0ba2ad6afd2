"""Parameters and multiply-adds of an ONNX file, without torch and without the ``onnx`` package.

The file's bytes are parsed (protocol buffers, https://protobuf.dev/programming-guides/encoding) as far as counting
needs; the shapes of the tensors between the nodes are those of a run in ONNX Runtime with every tensor of interest as
a further output.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ModelError

__all__ = ["Graph", "constant_lr", "read_graph"]

Shape = tuple[int, ...]
_FLOATS = {1, 10, 11, 16}  # TensorProto.DataType: float, float16, double, bfloat16
_INTEGERS = {2, 3, 21, 22}  # uint8, int8, uint4, int4: quantized weights
_CONVOLUTIONS = {"Conv": 1, "FusedConv": 1, "ConvInteger": 1, "QLinearConv": 3}  # and the position of the weights
_PRODUCTS = {"MatMul": 0, "MatMulInteger": 0, "QLinearMatMul": 0}
_COUNTED = {*_CONVOLUTIONS, *_PRODUCTS, "ConvTranspose", "Gemm"}
_UNKNOWN = {"DeformConv", "Einsum", "GRU", "If", "LSTM", "Loop", "RNN", "Scan"}
# operators whose constant inputs are learned; those of others are sizes, scales and pads
_LEARNED = {
    *_COUNTED,
    *("Add", "Div", "Mul", "Sub", "PRelu", "Gather"),
    *("BatchNormalization", "GroupNormalization", "InstanceNormalization", "LayerNormalization"),
    *("Cast", "Identity", "Reshape", "Transpose", "Unsqueeze", "DequantizeLinear"),
}


@dataclass(frozen=True)
class _Node:
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """The parts of an ONNX file that counting needs."""

    path: Path
    nodes: tuple[_Node, ...]
    constants: Mapping[str, tuple[int, Shape]]
    """Data type and shape of each constant tensor."""
    outputs: tuple[str, ...]
    opaque: bool
    """It calls functions of its own, which are not read."""

    @property
    def parameters(self) -> int:
        """Number of learned values: the elements of the constants that convolutions, products, biases,
        activations and normalizations read; scalars (rank 0), and the scales of quantized weights, do not count."""
        used = {
            name
            for node in self.nodes
            if node.kind in _LEARNED
            for place, name in enumerate(node.inputs)
            if not (node.kind == "DequantizeLinear" and place > 0)
        }
        return sum(
            math.prod(shape)
            for name, (kind, shape) in self.constants.items()
            if name in used and shape and (kind in _FLOATS or kind in _INTEGERS)
        )

    def multiply_adds(self, lr: NDArray[np.float32]) -> int | None:
        """Multiply-adds of all convolutions and matrix products for one input.

        Args:
            lr: (N, C, H, W), float32.

        Returns:
            The number; ``None`` when the graph has branches, loops, functions or operators that are not counted.
        """
        if self.opaque or any(node.kind in _UNKNOWN for node in self.nodes):
            return None
        counted = [node for node in self.nodes if node.kind in _COUNTED]
        shapes = {name: shape for name, (_, shape) in self.constants.items()}
        wanted = {name for node in counted for name in (*node.inputs, *node.outputs[:1]) if name}
        shapes.update(self._run(lr, sorted(wanted - set(shapes))))
        return sum(_node_multiply_adds(node, shapes) for node in counted)

    def _run(self, lr: NDArray[np.float32], names: Sequence[str]) -> dict[str, Shape]:
        """Run the graph with the named tensors as outputs, and return their shapes."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 3
        options.add_session_config_entry(
            "session.model_external_initializers_file_folder_path", str(self.path.resolve().parent)
        )
        # a message appended to a message is merged into it: here, further outputs of the graph
        further = b"".join(_field(12, _field(1, name.encode())) for name in names if name not in self.outputs)
        session = onnxruntime.InferenceSession(
            self.path.read_bytes() + _field(7, further), options, providers=["CPUExecutionProvider"]
        )
        source = session.get_inputs()[0].name
        found = session.run([name for name in names if name != source], {source: lr})
        shapes = {name: value.shape for name, value in zip((n for n in names if n != source), found, strict=True)}
        return {**shapes, source: lr.shape}


def read_graph(path: Path) -> Graph:
    """Read an ONNX file.

    Raises:
        ModelError: it is damaged.
    """
    nodes: list[_Node] = []
    constants: dict[str, tuple[int, Shape]] = {}
    outputs: list[str] = []
    opaque = False
    try:
        for number, value in _fields(memoryview(path.read_bytes())):
            opaque = opaque or number == 25
            for inner, part in _fields(value) if number == 7 else ():
                if inner == 1:
                    node, constant = _node(part)
                    nodes.append(node)
                    if constant is not None:
                        constants[node.outputs[0]] = constant
                elif inner == 5:
                    name, kind, shape = _tensor(part)
                    constants[name] = (kind, shape)
                elif inner == 12:
                    outputs.append(next(_text(text) for field, text in _fields(part) if field == 1))
    except (IndexError, ValueError, TypeError, UnicodeDecodeError, StopIteration) as error:
        raise ModelError(f"{path}: not a readable ONNX graph. Fetch it again.") from error
    return Graph(path, tuple(nodes), constants, tuple(outputs), opaque)


def _node_multiply_adds(node: _Node, shapes: Mapping[str, Shape]) -> int:
    first, output = shapes[node.inputs[0]], shapes[node.outputs[0]]
    if node.kind in _CONVOLUTIONS:
        return math.prod(output) * math.prod(shapes[node.inputs[_CONVOLUTIONS[node.kind]]][1:])
    if node.kind == "ConvTranspose":
        return math.prod(first) * math.prod(shapes[node.inputs[1]][1:])
    if node.kind == "Gemm":  # (M, K) or (K, M), times N
        return math.prod(first) * output[1]
    return math.prod(output) * first[-1]


def _node(data: memoryview) -> tuple[_Node, tuple[int, Shape] | None]:
    """A node, and the tensor in it when it is a constant."""
    inputs, outputs, kind, constant = [], [], "", None
    for number, value in _fields(data):
        if number == 1:
            inputs.append(_text(value))
        elif number == 2:
            outputs.append(_text(value))
        elif number == 4:
            kind = _text(value)
        elif number == 5:
            for field, part in _fields(value):
                if field == 5:
                    constant = _tensor(part)[1:]
    return _Node(kind, tuple(inputs), tuple(outputs)), constant if kind == "Constant" else None


def _tensor(data: memoryview) -> tuple[str, int, Shape]:
    name, kind, shape = "", 0, []
    for number, value in _fields(data):
        if number == 1:
            shape += [value] if isinstance(value, int) else list(_varints(value))
        elif number == 2:
            kind = value
        elif number == 8:
            name = _text(value)
    return name, kind, tuple(shape)


def _fields(data: Any) -> Iterator[tuple[int, Any]]:
    """The fields of a message: number and value, an int or the bytes of what has a length."""
    place, end = 0, len(data)
    while place < end:
        tag, place = _varint(data, place)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, place = _varint(data, place)
            yield number, value
            continue
        if wire == 2:
            size, place = _varint(data, place)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if place + size > end:
            raise ValueError("truncated")
        yield number, data[place : place + size]
        place += size


def _varint(data: Any, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place


def _varints(data: memoryview) -> Iterator[int]:
    place = 0
    while place < len(data):
        value, place = _varint(data, place)
        yield value


def _text(data: memoryview) -> str:
    return bytes(data).decode()


def _field(number: int, content: bytes) -> bytes:
    """A field with a length, as bytes."""
    return _as_varint(number << 3 | 2) + _as_varint(len(content)) + content


def _as_varint(value: int) -> bytes:
    parts = []
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def constant_lr(channels: int, side: int) -> NDArray[np.float32]:
    """A grey input: counting does not depend on the content."""
    return np.full((1, channels, side, side), 0.5, dtype=np.float32)
