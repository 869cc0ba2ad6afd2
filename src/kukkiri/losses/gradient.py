"""Gradient loss: mean absolute error of the differences between neighbouring pixels."""

import torch
from torch import Tensor

__all__ = ["gradient"]


def gradient(sr: Tensor, hr: Tensor) -> Tensor:
    """Compute the mean absolute error of the horizontal and vertical finite differences, all together.

    It is the anisotropic total variation of the error, for each difference, and does not see a constant error: add
    another loss.

    Args:
        sr: as of :class:`kukkiri.losses.Loss`; at least 2 pixels.
        hr: as of :class:`kukkiri.losses.Loss`.

    Reference: Mathieu et al., "Deep Multi-Scale Video Prediction beyond Mean Square Error", ICLR 2016,
    arXiv:1511.05440, the gradient difference loss with alpha = 1; here of signed differences instead of their absolute
    values, so that an edge of the opposite sign counts, and a mean instead of a sum.
    """
    error = sr - hr
    return torch.cat([error.diff(dim=dim).flatten() for dim in (-2, -1)]).abs().mean()
