"""Training criteria on pixels: functions (sr, hr) -> scalar, in the units of the images."""

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["LOSSES", "charbonnier", "l1", "mse"]


def l1(sr: Tensor, hr: Tensor) -> Tensor:
    """Mean absolute error."""
    return (sr - hr).abs().mean()


def mse(sr: Tensor, hr: Tensor) -> Tensor:
    """Mean squared error: what PSNR measures."""
    return (sr - hr).square().mean()


def charbonnier(sr: Tensor, hr: Tensor, *, epsilon: float = 1e-3) -> Tensor:
    """Mean of sqrt(error^2 + epsilon^2): L1 with a smooth bottom (Lai et al., LapSRN, CVPR 2017, Eq. 2)."""
    return torch.sqrt((sr - hr).square() + epsilon**2).mean()


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"charbonnier": charbonnier, "l1": l1, "mse": mse}
"""Every criterion by its name."""
