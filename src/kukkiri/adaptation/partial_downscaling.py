"""Downscaling by less than the scale that a kernel was given for: the intermediate factors of gradual ZSSR.

The authors want a kernel of every factor from the user. Here the kernel of the whole scale s tells the others. If it is
what separates an image of s times as many pixels from LR, then by the semigroup of blurs an image of f times as many
pixels is separated from it by a share (f^2 - 1) / (s^2 - 1) of the variance along each axis: all of it at f = s, and
none at f = 1. The kernel keeps its shape and is shrunk by the root of that share; its shift shrinks by
(f - 1) / (s - 1).
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kukkiri.degradations import centre_of_mass
from kukkiri.degradations.torch_twins import blur_tensor
from kukkiri.resampling.kernels import cubic

__all__ = ["downscale_partly", "shrink_kernel"]

Kernel = NDArray[np.float64]


def downscale_partly(hr: Tensor, kernel: Kernel, *, factors: tuple[float, float], scale: int) -> Tensor:
    """Blur by a part of a kernel, then sample by bicubic interpolation.

    Args:
        hr: (N, C, H, W).
        kernel: of ``scale``, with direct subsampling.
        factors: (rows, columns), from 1 to ``scale``.
        scale: integer, at least 2.

    Returns:
        (N, C, ceil(H / rows), ceil(W / columns)), not clamped; with both factors equal to ``scale`` what the kernel and
        direct subsampling make, but for the interpolation of a kernel whose centre lies between two pixels.
    """
    anchor = [side // 2 for side in kernel.shape]
    offset = np.subtract(centre_of_mass(kernel), anchor)
    shares = [(factor**2 - 1) / (scale**2 - 1) for factor in factors]
    blurred = blur_tensor(hr, torch.from_numpy(shrink_kernel(kernel, by=(math.sqrt(shares[0]), math.sqrt(shares[1])))))
    rows, columns = (
        _sample(length, factor=factor, shift=shift * (factor - 1) / (scale - 1)).to(hr)
        for length, factor, shift in zip(hr.shape[-2:], factors, offset, strict=True)
    )
    return rows @ blurred @ columns.T


def _sample(length: int, *, factor: float, shift: float) -> Tensor:
    """The matrix that reads a line at factor * i + shift, by Keys' cubic interpolation, the ends repeated."""
    count = math.ceil(length / factor)
    position = factor * np.arange(count) + shift
    first = np.floor(position).astype(np.int64) - 1
    matrix = np.zeros((count, length))
    for tap in range(4):
        weight = cubic(position - first - tap)
        np.add.at(matrix, (np.arange(count), np.clip(first + tap, 0, length - 1)), weight)
    return torch.from_numpy(matrix)


def shrink_kernel(kernel: Kernel, *, by: tuple[float, float]) -> Kernel:
    """Shrink a kernel about its centre of mass, along rows and columns, and centre it.

    Args:
        kernel: sums to 1.
        by: factors from 0 to 1; 0 leaves a single weight along that axis.

    Returns:
        An odd square that sums to 1. Each weight is shared among the pixels around its place, which keeps the centre of
        mass and adds at most a quarter to a variance.
    """
    centre = centre_of_mass(kernel)
    radius = max(
        math.ceil(max(at, side - 1 - at) * part) for at, side, part in zip(centre, kernel.shape, by, strict=True)
    )
    result = np.zeros((2 * radius + 3, 2 * radius + 3))
    matrices = []
    for at, side, part in zip(centre, kernel.shape, by, strict=True):
        position = radius + 1 + part * (np.arange(side) - at)
        first = np.floor(position).astype(np.int64)
        matrix = np.zeros((len(result), side))
        matrix[first, np.arange(side)] = 1 - (position - first)
        matrix[first + 1, np.arange(side)] += position - first
        matrices.append(matrix)
    return np.asarray(matrices[0] @ kernel @ matrices[1].T)
