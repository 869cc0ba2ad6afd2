"""Network interpolation between two ONNX graphs that differ in their weights only, without torch or onnx.

An ONNX file is a protocol-buffers message, whose weights lie in it as little-endian arrays. The weights of one file are
replaced in place, so that nothing else of it changes, and nothing has to be written anew.

Reference: Wang et al. (ESRGAN), ECCVW 2018, arXiv:1809.00219, section 3.4.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kukkiri.errors import ConfigError, ModelError
from kukkiri.info import METADATA_KEY, ModelInfo

__all__ = ["InterpolatedGraph", "Toward", "interpolate_graphs"]

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5  # wire types of protocol buffers
_MODEL_OPSET, _MODEL_GRAPH, _MODEL_METADATA = 8, 7, 14  # field numbers of onnx.proto's ModelProto,
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT = 1, 5, 11, 12  # of GraphProto,
_TENSOR_SHAPE, _TENSOR_TYPE, _TENSOR_FLOATS, _TENSOR_NAME, _TENSOR_RAW = 1, 2, 4, 8, 9  # and of TensorProto
_TENSOR_EXTERNAL = 13
_FLOATS = {1: "<f4", 10: "<f2", 11: "<f8"}  # TensorProto.DataType
_OWN = {"name", "training_data", "licence", "sha256"}  # fields of a descriptor in which two weight sets may differ


@dataclass(frozen=True)
class Toward:
    """A second graph, and how far the weights lie towards it.

    Raises:
        ConfigError: alpha is not in [0, 1].
    """

    path: Path
    alpha: float
    """0: the first graph's weights; 1: the second's."""

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1:
            raise ConfigError(f"alpha must be in [0, 1], got {self.alpha}.")


class InterpolatedGraph(NamedTuple):
    """An ONNX graph with weights between those of two."""

    content: bytes
    """The first file with other weights; its metadata are still those of the first."""
    info: ModelInfo | None
    """The descriptor: of the first, but for name, licence and training data; ``None`` for graphs without one."""


def interpolate_graphs(first: Path, toward: Toward) -> InterpolatedGraph:
    """Interpolate the weights of two graphs: (1 - alpha) first + alpha second, in float64, then rounded.

    Args:
        first: at alpha 0 the content is this file's, byte for byte.
        toward: the second file; at alpha 1 the weights are its, byte for byte.

    Raises:
        ModelError: a file is missing or no ONNX graph, or the graphs differ in more than their weights.
    """
    graphs = [_Graph.read(path) for path in (first, toward.path)]
    if difference := _find_difference(*graphs):
        raise ModelError(
            f"{first.stem} and {toward.path.stem} are not two weight sets of one graph: {difference}. Only weights of "
            "one graph can be interpolated."
        )
    mixed = bytearray(graphs[0].content)
    for mine, other in zip(graphs[0].tensors, graphs[1].tensors, strict=True):
        values = graphs[1].content[other.start : other.stop]
        if mine.kind in _FLOATS and toward.alpha < 1:
            values = _interpolate(bytes(mixed[mine.start : mine.stop]), values, _FLOATS[mine.kind], toward.alpha)
        if toward.alpha > 0:
            mixed[mine.start : mine.stop] = values
    infos = [graph.info for graph in graphs]
    return InterpolatedGraph(bytes(mixed), None if infos[0] is None else _join(infos[0], infos[1], toward.alpha))


def _join(first: ModelInfo, second: ModelInfo | None, alpha: float) -> ModelInfo:
    """Describe weights between two, as ``kukkiri.checkpoints.interpolate_weights`` does."""
    if second is None or alpha == 0:
        return first
    if alpha == 1:
        return second
    return dataclasses.replace(
        first,
        name=f"{first.name}-{second.name}-{alpha:g}",
        licence=_both(first.licence, second.licence),
        training_data=_both(first.training_data, second.training_data),
        sha256="",
    )


def _both(first: str, second: str) -> str:
    return "; ".join(dict.fromkeys(text for text in (first, second) if text))


def _interpolate(first: bytes, second: bytes, dtype: str, alpha: float) -> bytes:
    begin, end = (np.frombuffer(each, dtype).astype(np.float64) for each in (first, second))
    return ((1 - alpha) * begin + alpha * end).astype(dtype).tobytes()


@dataclass(frozen=True)
class _Tensor:
    """The weights of one layer, and the place of their bytes in the file."""

    name: str
    kind: int
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass
class _Graph:
    """The computation of an ONNX file, and its weights."""

    content: bytes
    structure: list[bytes] = field(default_factory=list)
    """Layers, inputs, outputs and operator sets in their order, as they stand in the file."""
    tensors: list[_Tensor] = field(default_factory=list)
    info: ModelInfo | None = None

    @classmethod
    def read(cls, path: Path) -> "_Graph":
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelError(f"{path}: cannot be read ({error.strerror or error}). Check the path.") from None
        found = cls(content)
        try:
            for number, _, start, stop in _walk(content, 0, len(content)):
                if number == _MODEL_OPSET:
                    found.structure.append(content[start:stop])
                elif number == _MODEL_GRAPH:
                    found._read_graph(path, start, stop)
                elif number == _MODEL_METADATA:
                    key, text = (content[begin:end].decode() for _, _, begin, end in _walk(content, start, stop))
                    if key == METADATA_KEY:
                        found.info = ModelInfo.from_metadata({key: text}, source=str(path))
        except (IndexError, UnicodeDecodeError, ValueError) as error:
            raise ModelError(f"{path}: not a readable ONNX graph ({error}). Get it again.") from None
        if not found.structure:
            raise ModelError(f"{path}: not a readable ONNX graph (it has no layers). Get it again.")
        return found

    def _read_graph(self, path: Path, start: int, stop: int) -> None:
        for number, _, begin, end in _walk(self.content, start, stop):
            if number in (_GRAPH_NODE, _GRAPH_INPUT, _GRAPH_OUTPUT):
                self.structure.append(self.content[begin:end])
            elif number == _GRAPH_INITIALIZER:
                self.tensors.append(self._read_tensor(path, begin, end))

    def _read_tensor(self, path: Path, start: int, stop: int) -> _Tensor:
        name, kind, shape, place = "", 0, [], (stop, stop)
        for number, wire, begin, end in _walk(self.content, start, stop):
            if number == _TENSOR_NAME:
                name = self.content[begin:end].decode()
            elif number == _TENSOR_TYPE:
                kind = _read_varint(self.content, begin)[0]
            elif number == _TENSOR_SHAPE:
                shape += _read_varints(self.content, begin, end)
            elif number == _TENSOR_RAW or (number == _TENSOR_FLOATS and wire == _BYTES):
                place = begin, end
            elif number in (_TENSOR_FLOATS, _TENSOR_EXTERNAL):
                raise ModelError(
                    f"{path}: its weights do not lie in it as arrays (they are in another file, or one by one). "
                    "Export it again with its weights inside."
                )
        if kind in _FLOATS and place[1] - place[0] != np.dtype(_FLOATS[kind]).itemsize * int(np.prod(shape)):
            raise ValueError(f"{name} has too few or too many numbers")
        return _Tensor(name, kind, tuple(shape), *place)


def _find_difference(first: _Graph, second: _Graph) -> str:
    """Name the first difference between two graphs beside their weights; empty when there is none."""
    if first.structure != second.structure:
        counts = f"{len(first.tensors)} and {len(second.tensors)} arrays of weights"
        return f"their layers differ ({counts})"
    if len(first.tensors) != len(second.tensors):
        return f"they have {len(first.tensors)} and {len(second.tensors)} arrays of weights"
    for mine, other in zip(first.tensors, second.tensors, strict=True):
        about = [(each.name, each.kind, each.shape) for each in (mine, other)]
        if about[0] != about[1]:
            return f"{mine.name} is {mine.shape}, and {other.name} {other.shape}"
        constant = mine.kind not in _FLOATS
        if constant and first.content[mine.start : mine.stop] != second.content[other.start : other.stop]:
            return f"the constants {mine.name} differ"
    infos = [{} if each.info is None else dataclasses.asdict(each.info) for each in (first, second)]
    differ = sorted(key for key in infos[0].keys() | infos[1].keys() if infos[0].get(key) != infos[1].get(key))
    differ = [key for key in differ if key not in _OWN]
    return f"their descriptors differ in {', '.join(differ)}" if differ else ""


def _walk(content: bytes, start: int, stop: int) -> Iterator[tuple[int, int, int, int]]:
    """The fields of a message: number, wire type, and the place of the value's bytes."""
    place = start
    while place < stop:
        tag, place = _read_varint(content, place)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            end = _read_varint(content, place)[1]
        elif wire == _BYTES:
            length, place = _read_varint(content, place)
            end = place + length
        elif wire in (_EIGHT_BYTES, _FOUR_BYTES):
            end = place + (8 if wire == _EIGHT_BYTES else 4)
        else:
            raise ValueError(f"a field of wire type {wire}")
        if end > stop:
            raise ValueError("it is cut off")
        yield number, wire, place, end
        place = end


def _read_varint(content: bytes, place: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and the place after it."""
    value = shift = 0
    while True:
        byte = content[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
        if shift > 63:
            raise ValueError("a number of more than 64 bits")


def _read_varints(content: bytes, start: int, stop: int) -> list[int]:
    """One number, or several in a row."""
    numbers = []
    while start < stop:
        number, start = _read_varint(content, start)
        numbers.append(number)
    return numbers
