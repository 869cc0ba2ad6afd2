"""SRMD's weights as ncnn stores them: twelve convolutions one after the other, without names or shapes.

Each is a tag (little-endian uint32), the kernels (out, in, 3, 3) in float16 padded to four bytes, or in float32 where
the tag is 0, and float32 biases. The official weights are published in this form (nihui/srmd-ncnn-vulkan, MIT,
converted from those of cszn/SRMD); the scale and the number of maps follow from the size.
"""

import itertools
import struct
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kukkiri.errors import ModelError

__all__ = ["is_ncnn", "read_ncnn_srmd"]

_FLOAT16 = 0x01306B47
_FLOAT32 = 0
_WIDTH, _DEPTH = 128, 12


def is_ncnn(path: Path) -> bool:
    """True for a file that begins with the tag of float16 weights."""
    with path.open("rb") as file:
        return file.read(4) == struct.pack("<I", _FLOAT16)


def read_ncnn_srmd(path: Path) -> dict[str, Tensor]:
    """Read the tensors of SRMD under the keys of :class:`kukkiri.networks.SRMD`.

    Raises:
        ModelError: the file is not that of an SRMD for x2, x3 or x4 with 15 or 16 maps.
    """
    data = path.read_bytes()
    for scale, maps in itertools.product((2, 3, 4), (15, 16)):
        state = _read(data, scale=scale, maps=maps)
        if state is not None:
            return state
    raise ModelError(
        f"{path}: ncnn weights that are not those of SRMD with 15 or 16 maps at x2, x3 or x4 ({len(data)} bytes). "
        "Other networks are not read from ncnn files: get the .pth or .onnx file."
    )


def _read(data: bytes, *, scale: int, maps: int) -> dict[str, Tensor] | None:
    """Read a file of these shapes; ``None``: it is another one."""
    widths = [(_WIDTH, 3 + maps), *[(_WIDTH, _WIDTH)] * (_DEPTH - 2), (3 * scale**2, _WIDTH)]
    state, offset = {}, 0
    for number, (outputs, inputs) in enumerate(widths):
        count = outputs * inputs * 9
        if offset + 4 > len(data):
            return None
        (tag,) = struct.unpack_from("<I", data, offset)
        size = {_FLOAT16: 2, _FLOAT32: 4}.get(tag)
        if size is None:
            return None
        begin, length = offset + 4, (count * size + 3) // 4 * 4
        offset = begin + length + 4 * outputs
        if offset > len(data):
            return None
        weight = np.frombuffer(data, f"<f{size}", count, begin).astype(np.float32)
        bias = np.frombuffer(data, "<f4", outputs, begin + length)
        state[f"model.{2 * number}.weight"] = torch.from_numpy(weight.reshape(outputs, inputs, 3, 3))
        state[f"model.{2 * number}.bias"] = torch.from_numpy(bias.astype(np.float32))
    return state if offset == len(data) else None
