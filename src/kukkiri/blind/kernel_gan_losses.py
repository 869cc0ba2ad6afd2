"""The losses of KernelGAN on the generator's kernel and image, and the schedule of their weights.

Bell-Kligler, Shocher and Irani, NeurIPS 2019, arXiv:1909.06581, section 3.4 and the authors' code.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from kukkiri.degradations import bicubic_kernel

__all__ = ["KernelPenalties", "LossWeights", "bicubic_loss", "penalize_kernel"]

_BOUNDARY_SCALE = 30.0
_SPARSE_POWER = 0.2
_BICUBIC_REACHED = 0.4
_CHECKS = 3
_EVERY = 200
_DECAY = 100.0
_SMALLEST = 5e-6
_CONSTRAINTS_FROM = 5e-3


@dataclass(frozen=True)
class KernelPenalties:
    """The four penalties on a kernel, each a scalar tensor."""

    sum_to_one: Tensor
    """|1 - sum k|."""
    boundaries: Tensor
    """Mean of |k| times a mask that is 0 in the middle and grows to the corners."""
    centralized: Tensor
    """Mean square of the centre of mass's distance from its place, in pixels."""
    sparse: Tensor
    """Mean of |k|^0.2."""


def penalize_kernel(kernel: Tensor, *, scale: int = 2) -> KernelPenalties:
    """Compute the penalties on a kernel (K, K) for a correlation with stride ``scale``; differentiable."""
    size = kernel.shape[0]
    place = torch.arange(size, dtype=kernel.dtype, device=kernel.device)
    wanted = size // 2 + 0.5 * (scale - size % 2)
    total = kernel.sum()
    centre = torch.stack((kernel.sum(1) @ place / total, kernel.sum(0) @ place / total))
    return KernelPenalties(
        sum_to_one=(1 - total).abs(),
        boundaries=(kernel * _boundary_mask(size).to(kernel)).abs().mean(),
        centralized=(centre - wanted).square().mean(),
        sparse=kernel.abs().pow(_SPARSE_POWER).mean(),
    )


def _boundary_mask(size: int) -> Tensor:
    """One minus a wide Gaussian, times 30; 0 in the middle, where the kernel may be."""
    axis = torch.arange(size, dtype=torch.float64) - size // 2
    bell = torch.exp(-(axis**2) / (2 * size**2))
    mask = 1 - torch.outer(bell, bell)
    margin = (size - (size // 2 + size % 2)) // 2 - 1
    mask[margin : size - margin, margin : size - margin] = 0
    return _BOUNDARY_SCALE * mask


def bicubic_loss(image: Tensor, downscaled: Tensor, *, scale: int = 2) -> Tensor:
    """Mean squared error of a downscaled image against the bicubic one, each channel against the sum of all.

    The authors' code expands the bicubic kernel over input and output channels, so that every channel is compared with
    the sum of the three; thresholds and weights of the schedule were chosen with it.

    Args:
        image: (1, C, H, W) in [-1, 1].
        downscaled: (1, C, h, w), by the generator.
        scale: of the downscaling.
    """
    kernel = torch.from_numpy(bicubic_kernel(scale)).to(image)
    nonzero = kernel[1:, 1:] if kernel.shape[0] % 2 else kernel  # an odd array whose first row and column are zero
    size = nonzero.shape[0]
    total = image.sum(dim=1, keepdim=True)
    small = functional.conv2d(total, nonzero[None, None], stride=scale, padding=(size - 1) // 2)
    rows, columns = (small.shape[d] - downscaled.shape[d] for d in (-2, -1))
    small = small[..., rows // 2 : rows // 2 + downscaled.shape[-2], columns // 2 : columns // 2 + downscaled.shape[-1]]
    return functional.mse_loss(downscaled, small.expand_as(downscaled))


@dataclass
class LossWeights:
    """The weights of the generator's losses beside the adversarial one, and their schedule."""

    bicubic: float = 5.0
    sum_to_one: float = 0.5
    boundaries: float = 0.5
    centralized: float = 0.0
    sparse: float = 0.0
    checks: int = 0
    """Consecutive steps with a small bicubic loss."""

    def total(self, bicubic: Tensor, penalties: KernelPenalties) -> Tensor:
        """Weigh and add the losses."""
        return (
            self.bicubic * bicubic
            + self.sum_to_one * penalties.sum_to_one
            + self.boundaries * penalties.boundaries
            + self.centralized * penalties.centralized
            + self.sparse * penalties.sparse
        )

    def update(self, step: int, *, bicubic: float) -> None:
        """Follow the authors' schedule after a step, counted from 0.

        Once the bicubic loss was below 0.4 three times in a row, its weight falls by 100 every 200 steps, down to
        5e-6; when it falls below 5e-3, the kernel is pulled to its centre (weight 1) and made sparse (weight 5).
        """
        if step == 0:
            return
        if self.checks < _CHECKS:
            self.checks = self.checks + 1 if bicubic < _BICUBIC_REACHED else 0
        elif step % _EVERY == 0 and self.bicubic > _SMALLEST:
            self.bicubic = max(self.bicubic / _DECAY, _SMALLEST)
            if self.bicubic < _CONSTRAINTS_FROM:
                self.centralized, self.sparse = 1.0, 5.0
