"""Float16 inside an ONNX graph, with a guard: tiles whose result is not finite are computed again in float32."""

from collections.abc import Callable
from os import PathLike
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import require

__all__ = ["Precision", "convert_to_half", "repair"]

Batch = NDArray[np.float32]
Precision = Literal["float32", "float16"]
"""Arithmetic inside a network; its input and output are float32."""


def convert_to_half(graph: str | PathLike[str] | bytes) -> bytes:
    """Convert the weights and activations of a graph to float16; its inputs, outputs and metadata stay.

    Weights above 65504, which float16 does not hold, become 65504.

    Args:
        graph: a file or its content.

    Returns:
        The content of the converted graph.

    Raises:
        BackendError: the package onnx is missing.
    """
    require("onnx", for_what="precision float16")
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = onnx.load_from_string(graph) if isinstance(graph, bytes) else onnx.load(graph)
    content: bytes = convert_float_to_float16(model, keep_io_types=True).SerializeToString()
    return content


def repair(sr: Batch, again: Callable[[NDArray[np.bool_]], Batch]) -> int:
    """Replace the members of a batch that overflowed.

    Args:
        sr: (N, C, H, W), changed in place where a member is not finite.
        again: gives the members of a mask (N,) in float32, (its sum, C, H, W).

    Returns:
        The number of members that were replaced.
    """
    overflowed = np.array([not np.isfinite(member).all() for member in sr], dtype=np.bool_)
    if overflowed.any():
        sr[overflowed] = again(overflowed)
    return int(overflowed.sum())
