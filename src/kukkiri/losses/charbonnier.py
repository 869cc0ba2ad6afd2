"""Charbonnier loss: a differentiable variant of L1."""

from typing import Annotated

import torch
from torch import Tensor

from kukkiri.losses.arguments import Range

__all__ = ["charbonnier"]


def charbonnier(sr: Tensor, hr: Tensor, *, epsilon: Annotated[float, Range(above=0.0, most=1.0)] = 1e-3) -> Tensor:
    """Compute the mean of sqrt(error^2 + epsilon^2), which is L1 away from 0 and smooth at 0.

    Args:
        sr: as of :class:`kukkiri.losses.Loss`.
        hr: as of :class:`kukkiri.losses.Loss`.
        epsilon: error at which it turns from quadratic to linear, in (0, 1]; also its least value.

    Reference: Lai et al., "Deep Laplacian Pyramid Networks for Fast and Accurate Super-Resolution" (LapSRN), CVPR 2017,
    arXiv:1704.03915, Eq. 2, for one scale.
    """
    return torch.sqrt((sr - hr).square() + epsilon**2).mean()
