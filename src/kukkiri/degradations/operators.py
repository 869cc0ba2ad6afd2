"""The linear operators of which linear degradations are made, as data: correlation, interpolation, decimation.

A linear step is given by one of them. So NumPy applies it (:func:`apply_operator`), torch applies it
(:func:`kukkiri.degradations.torch_twins.apply_operator_to_tensor`), and blurs and a subsampling become one kernel
(:func:`compose_kernels`, :func:`subsampling_kernel`), without a step knowing of the others.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations.blur_kernels import Kernel, bicubic_kernel
from kukkiri.degradations.linear import blur
from kukkiri.resampling import Border, resize, weight_table

__all__ = [
    "Correlation",
    "Decimation",
    "Interpolation",
    "Operator",
    "apply_operator",
    "compose_kernels",
    "subsampling_kernel",
]


@dataclass(frozen=True, eq=False)
class Correlation:
    """Every pixel becomes a weighted sum of its neighbours."""

    kernel: Kernel
    """Its anchor is the pixel size // 2."""
    border: Border = "symmetric"


@dataclass(frozen=True)
class Interpolation:
    """Another grid of pixels, as :func:`kukkiri.resampling.resize` computes it."""

    kernel: str
    """A key of ``kukkiri.resampling.KERNELS``."""
    scale: float | None = None
    """Output pixels for one input pixel along a side."""
    output_size: tuple[int, int] | None = None
    """(height, width) instead of ``scale``."""
    antialias: bool = True


@dataclass(frozen=True)
class Decimation:
    """Pixels ``[0::step]`` along both sides."""

    step: int


Operator = Correlation | Interpolation | Decimation


def apply_operator(image: NDArray[np.uint8 | np.floating[Any]], operator: Operator) -> NDArray[Any]:
    """Apply an operator to (H, W) or (H, W, C).

    Args:
        image: float32 or float64; uint8 too but for :class:`Correlation`, and rounded as MATLAB does.
        operator: see :mod:`kukkiri.degradations.operators`.
    """
    match operator:
        case Correlation(kernel, border):
            return blur(image, kernel, border=border)
        case Interpolation(kernel_name, scale, output_size, antialias):
            return resize(image, scale=scale, output_size=output_size, kernel=kernel_name, antialias=antialias)
        case Decimation(step):
            return np.ascontiguousarray(image[::step, ::step])


def compose_kernels(first: Kernel, second: Kernel) -> Kernel:
    """The kernel of one correlation after the other: their full convolution. At most one is even-sized."""
    result = np.zeros((first.shape[0] + second.shape[0] - 1, first.shape[1] + second.shape[1] - 1))
    for (row, column), weight in np.ndenumerate(second):
        result[row : row + first.shape[0], column : column + first.shape[1]] += weight * first
    return result


def subsampling_kernel(operator: Operator, *, scale: int) -> Kernel:
    """The kernel that, followed by pixels ``[0::scale]``, does the same as a subsampling away from the border.

    Raises:
        ValueError: there is none, or it is not written down here (bilinear, Lanczos).
    """
    match operator:
        case Decimation():
            return np.ones((1, 1))
        case Interpolation("cubic"):
            return bicubic_kernel(scale)
        case Interpolation("nearest"):
            return _nearest_kernel(scale)
    raise ValueError(f"{operator} cannot be written as a kernel and direct subsampling")


def _nearest_kernel(scale: int) -> Kernel:
    """A delta at the pixel that MATLAB's nearest keeps of each block."""
    table = weight_table(4 * scale, 4, scale=1 / scale, kernel="nearest")
    phase = int(table.indices[1, np.argmax(table.weights[1])]) - scale
    kernel = np.zeros((2 * phase + 1, 2 * phase + 1))
    kernel[-1, -1] = 1.0
    return kernel
