"""L1 loss: mean absolute error."""

from torch import Tensor

__all__ = ["l1"]


def l1(sr: Tensor, hr: Tensor) -> Tensor:
    """Compute the mean absolute error.

    Args:
        sr: as of :class:`kukkiri.losses.Loss`.
        hr: as of :class:`kukkiri.losses.Loss`.

    Reference: Lim et al., "Enhanced Deep Residual Networks for Single Image Super-Resolution", CVPRW 2017,
    arXiv:1707.02921, section 4.2, which reports better convergence than with the squared error.
    """
    return (sr - hr).abs().mean()
