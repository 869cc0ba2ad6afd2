"""Interpolation at any position, by the definitions; a reference for the weight tables, and for teaching.

Positions count pixels: f(0) is the first sample, f(1) the second, and between them the kernels weigh the
neighbours by their distance. For example, linearly,

    f(1.6) = 0.6 f(2) + 0.4 f(1),

nearest f(1.6) = f(2), and cubic f(1.6) = h(1.6) f(0) + h(0.6) f(1) + h(0.4) f(2) + h(1.4) f(3), where h is Keys'
cubic: 1.5 x^3 - 2.5 x^2 + 1 for x <= 1 and -0.5 x^3 + 2.5 x^2 - 4 x + 2 for 1 < x <= 2. In two dimensions the weights
of the rows and of the columns are multiplied. :func:`kukkiri.resampling.resize` is this at the positions
:func:`output_positions`; unlike it, no kernel is widened for downscaling.

Keys, "Cubic convolution interpolation for digital image processing", IEEE TASSP 29(6), 1981.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kukkiri.resampling.kernels import KERNELS
from kukkiri.resampling.weights import Border, border_indices

__all__ = ["bicubic", "bilinear", "cubic", "linear", "nearest", "nearest_2d", "output_positions"]

Float64 = NDArray[np.float64]


def output_positions(outputs: int, *, scale: float) -> Float64:
    """Positions of the pixels of a resized image in the input: (i + 0.5) / scale - 0.5.

    Both images cover the same area, so at scale 2 the first output lies at -0.25 and the second at 0.25.
    """
    return np.asarray((np.arange(outputs) + 0.5) / scale - 0.5, dtype=np.float64)


def nearest(samples: ArrayLike, positions: ArrayLike, *, border: Border = "symmetric") -> Float64:
    """The value of the nearest sample; half way between two, of the right one (as MATLAB).

    Args:
        samples: (n,).
        positions: any shape, any real numbers; sample 0 is at 0.
        border: rule for positions outside, see :func:`kukkiri.resampling.border_indices`.

    Returns:
        The shape of ``positions``, float64.

    Raises:
        ValueError: ``samples`` is empty or has another number of axes.
    """
    return _line("nearest", samples, positions, border)


def linear(samples: ArrayLike, positions: ArrayLike, *, border: Border = "symmetric") -> Float64:
    """f(i + t) = (1 - t) f(i) + t f(i + 1) for t in [0, 1]; arguments as for :func:`nearest`."""
    return _line("linear", samples, positions, border)


def cubic(samples: ArrayLike, positions: ArrayLike, *, border: Border = "symmetric") -> Float64:
    """The sum of the four nearest samples weighted by Keys' cubic; arguments as for :func:`nearest`."""
    return _line("cubic", samples, positions, border)


def nearest_2d(image: ArrayLike, rows: ArrayLike, columns: ArrayLike, *, border: Border = "symmetric") -> Float64:
    """The value of the nearest pixel.

    Args:
        image: (H, W) or (H, W, C).
        rows: vertical positions, of one shape with ``columns`` after broadcasting.
        columns: horizontal positions.
        border: rule for positions outside.

    Returns:
        The broadcast shape of the positions (with C behind), float64.

    Raises:
        ValueError: ``image`` is empty or has another number of axes.
    """
    return _plane("nearest", image, rows, columns, border)


def bilinear(image: ArrayLike, rows: ArrayLike, columns: ArrayLike, *, border: Border = "symmetric") -> Float64:
    """Linear along the rows, then along the columns: four pixels; arguments as for :func:`nearest_2d`."""
    return _plane("linear", image, rows, columns, border)


def bicubic(image: ArrayLike, rows: ArrayLike, columns: ArrayLike, *, border: Border = "symmetric") -> Float64:
    """Cubic along the rows, then along the columns: sixteen pixels; arguments as for :func:`nearest_2d`."""
    return _plane("cubic", image, rows, columns, border)


def _line(kernel: str, samples: ArrayLike, positions: ArrayLike, border: Border) -> Float64:
    values = np.asarray(samples, dtype=np.float64)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"samples are one line and not empty, got shape {values.shape}")
    indices, weights = _neighbours(kernel, np.asarray(positions, dtype=np.float64), values.size, border)
    return np.asarray((values[indices] * weights).sum(axis=-1))


def _plane(kernel: str, image: ArrayLike, rows: ArrayLike, columns: ArrayLike, border: Border) -> Float64:
    values = np.asarray(image, dtype=np.float64)
    if values.ndim not in (2, 3) or not values.size:
        raise ValueError(f"an image is (H, W) or (H, W, C) and not empty, got shape {values.shape}")
    y, x = np.broadcast_arrays(np.asarray(rows, dtype=np.float64), np.asarray(columns, dtype=np.float64))
    y_indices, y_weights = _neighbours(kernel, y, values.shape[0], border)
    x_indices, x_weights = _neighbours(kernel, x, values.shape[1], border)
    total = np.zeros((*y.shape, *values.shape[2:]))
    tail: tuple[Any, ...] = (None,) * (values.ndim - 2)
    for row in range(y_indices.shape[-1]):
        for column in range(x_indices.shape[-1]):
            weight = (y_weights[..., row] * x_weights[..., column])[(..., *tail)]
            total += weight * values[y_indices[..., row], x_indices[..., column]]
    return total


def _neighbours(kernel: str, positions: Float64, length: int, border: Border) -> tuple[NDArray[np.int64], Float64]:
    """Indices and weights of the samples in the support of a kernel, taps last."""
    chosen = KERNELS[kernel]
    first = np.floor(positions - chosen.support / 2).astype(np.int64)
    taps = first[..., None] + np.arange(math.ceil(chosen.support) + 1)
    weights = chosen.function(positions[..., None] - taps)
    return border_indices(taps, length, border=border), weights
