"""L2 loss: mean squared error."""

from torch import Tensor

__all__ = ["mse"]


def mse(sr: Tensor, hr: Tensor) -> Tensor:
    """Compute the mean squared error, whose minimum is the highest PSNR.

    Args:
        sr: as of :class:`kukkiri.losses.Loss`.
        hr: as of :class:`kukkiri.losses.Loss`.

    Reference: Dong et al., "Image Super-Resolution Using Deep Convolutional Networks" (SRCNN), TPAMI 2016,
    arXiv:1501.00092, section 3.2.
    """
    return (sr - hr).square().mean()
