"""Interpolation kernels: even functions of the distance in pixels, in float64.

Cubic: Keys, "Cubic convolution interpolation for digital image processing", IEEE TASSP 29(6), 1981,
with a = -0.5, as in MATLAB's ``imresize``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["KERNELS", "InterpolationKernel", "cubic", "lanczos3", "linear", "nearest"]

Float64 = NDArray[np.float64]


def nearest(distance: Float64) -> Float64:
    """1 on [-0.5, 0.5), else 0: the value of the nearest sample, of the right one on a tie, as in MATLAB."""
    return np.asarray((distance >= -0.5) & (distance < 0.5), dtype=np.float64)


def linear(distance: Float64) -> Float64:
    """1 - abs(x) on [-1, 1], so that f(1.6) = 0.6 f(2) + 0.4 f(1)."""
    return np.maximum(0.0, 1.0 - np.abs(distance))


def cubic(distance: Float64) -> Float64:
    """Keys' cubic with a = -0.5: two cubic pieces on [0, 1] and [1, 2], zero beyond (Keys 1981, Eq. 15)."""
    x = np.abs(distance)
    squared = x * x
    cubed = squared * x
    near = 1.5 * cubed - 2.5 * squared + 1.0  # expanded as in MATLAB: Horner's form rounds ties differently
    far = -0.5 * cubed + 2.5 * squared - 4.0 * x + 2.0
    return np.where(x <= 1.0, near, np.where(x <= 2.0, far, 0.0))


def lanczos3(distance: Float64) -> Float64:
    """sinc(x) sinc(x / 3) on [-3, 3], zero beyond."""
    return np.where(np.abs(distance) < 3.0, np.sinc(distance) * np.sinc(distance / 3.0), 0.0)


@dataclass(frozen=True)
class InterpolationKernel:
    """An interpolation kernel and the width of its support in input pixels."""

    name: str
    function: Callable[[Float64], Float64]
    support: float
    """Width of the interval outside which the kernel is zero."""
    widens: bool = True
    """True when it is stretched for downscaling (antialiasing); nearest never is."""


KERNELS = {
    "nearest": InterpolationKernel("nearest", nearest, 1.0, widens=False),
    "linear": InterpolationKernel("linear", linear, 2.0),
    "cubic": InterpolationKernel("cubic", cubic, 4.0),
    "lanczos3": InterpolationKernel("lanczos3", lanczos3, 6.0),
}
"""Every kernel by its name."""
