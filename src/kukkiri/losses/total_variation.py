"""Total variation: mean absolute difference between neighbouring pixels of the SR image."""

import torch
from torch import Tensor

__all__ = ["total_variation"]


def total_variation(sr: Tensor, hr: Tensor) -> Tensor:
    """Compute the mean absolute horizontal and vertical finite difference of sr, which smooths; it ignores hr.

    Args:
        sr: as of :class:`kukkiri.losses.Loss`; at least 2 pixels.
        hr: not used: a regularizer, to which another loss is added.

    Reference: Rudin et al., Physica D 1992; as regularizer of a perceptual loss: Johnson et al., ECCV 2016,
    arXiv:1603.08155, section 3.2, whose sums of squares are absolute values here, and means.
    """
    return torch.cat([sr.diff(dim=dim).flatten() for dim in (-2, -1)]).abs().mean()
