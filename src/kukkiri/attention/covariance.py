"""Second-order statistics of features: the covariance of the channels over the positions."""

import torch
from torch import Tensor

from kukkiri.attention.autocast import is_halved, widen

__all__ = ["centre_crop", "covariance_pool"]


def covariance_pool(features: Tensor) -> Tensor:
    """Compute the biased covariance of the channels, 1/M sum_p (f_p - mean)(f_p - mean)^T over M positions p.

    The official code multiplies by the M x M centring matrix I - 1/M, which takes O(M^2) memory: 102 GB at
    400x400. Subtracting the mean first gives the same in O(C M) memory and O(C^2 M) time, with the gradients of
    the official hand-written backward pass.

    Args:
        features: (N, C, ...), at least one position.

    Returns:
        (N, C, C), symmetric, positive semi-definite up to rounding; float32 also under autocast.

    Reference: Li et al., MPN-COV, ICCV 2017, arXiv:1703.08050.
    """
    if is_halved(features):
        with torch.autocast(features.device.type, enabled=False):
            return covariance_pool(widen(features))
    flat = features.flatten(2)
    centred = flat - flat.mean(dim=2, keepdim=True)
    return centred @ centred.mT / flat.shape[2]


def centre_crop(features: Tensor, *, limit: int) -> Tensor:
    """Crop a map to its centre, at most ``limit`` pixels high and wide; shorter sides stay whole.

    Args:
        features: (N, C, H, W).
        limit: largest height and width of the crop.

    Reference: SAN's code with 1000. Where one side is exactly 1000 and the other is shorter, that code takes
    an off-centre strip (one row of a 999x1000 map); here such a map stays whole.
    """
    h, w = features.shape[2:]
    top, left = _clamp_to_zero((h - limit) // 2), _clamp_to_zero((w - limit) // 2)
    return features[:, :, top : top + limit, left : left + limit]


def _clamp_to_zero(number: int) -> int:
    """Clamp a number without a branch on a size, which an exported graph would freeze."""
    clamped: int = torch.sym_max(number, 0)  # type: ignore[no-untyped-call]
    return clamped
