"""Downscaling by less than the scale that a kernel was given for: the intermediate factors of gradual ZSSR.

The authors want a kernel of every factor from the user. Here the kernel of the whole scale s tells the others. If it is
what separates an image of s times as many pixels from LR, then by the semigroup of blurs an image of f times as many
pixels is separated from it by a share (f^2 - 1) / (s^2 - 1) of the variance along each axis: all of it at f = s, and
none at f = 1. The kernel keeps its shape and is shrunk by the root of that share; its shift shrinks by
(f - 1) / (s - 1).
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kukkiri.degradations import centre_of_mass, shrink_kernel
from kukkiri.degradations.torch_twins import blur_tensor
from kukkiri.resampling.kernels import cubic

__all__ = ["PartialDownscaling"]

Kernel = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PartialDownscaling:
    """Downscaling by any factors up to the scale of a kernel."""

    kernel: Kernel
    """Of the whole scale, with direct subsampling."""
    scale: int
    """At least 2."""

    def apply(self, hr: Tensor, *, factors: tuple[float, float]) -> Tensor:
        """Blur by a part of the kernel, then sample by bicubic interpolation.

        Args:
            hr: (N, C, H, W).
            factors: (rows, columns), from 1 to the scale.

        Returns:
            (N, C, ceil(H / rows), ceil(W / columns)), not clamped; with both factors equal to the scale what the kernel
            and direct subsampling make, but for the interpolation of a kernel whose centre lies between two pixels.
        """
        offset = np.subtract(centre_of_mass(self.kernel), [side // 2 for side in self.kernel.shape])
        shares = [(factor**2 - 1) / (self.scale**2 - 1) for factor in factors]
        blur = shrink_kernel(self.kernel, by=(math.sqrt(shares[0]), math.sqrt(shares[1])))
        blurred = blur_tensor(hr, torch.from_numpy(blur))
        rows, columns = (
            _sample(length, factor=factor, shift=shift * (factor - 1) / (self.scale - 1)).to(hr)
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
