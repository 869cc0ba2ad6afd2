"""Second-order statistics of features: the covariance of the channels over the positions."""

import torch
from torch import Tensor

from kukkiri.attention.autocast import is_halved, widen

__all__ = ["centre_crop", "covariance_pool"]


def covariance_pool(features: Tensor) -> Tensor:
    """The biased covariance of the channels: 1/M sum_p (f_p - mean)(f_p - mean)^T over the M positions p.

    The official code multiplies by the M x M centring matrix I - 1/M, which takes O(M^2) memory: 102 GB at
    400x400. Subtracting the mean first is the same in O(C M) memory and O(C^2 M) time, and its gradients
    are those of the official hand-written backward pass.

    Args:
        features: (N, C, ...), at least one position.

    Returns:
        (N, C, C), symmetric, positive semi-definite up to rounding; float32 also where autocast would halve it.

    Reference: Li et al., MPN-COV, ICCV 2017, arXiv:1703.08050.
    """
    if is_halved(features):
        with torch.autocast(features.device.type, enabled=False):
            return covariance_pool(widen(features))
    flat = features.flatten(2)
    centred = flat - flat.mean(dim=2, keepdim=True)
    return centred @ centred.mT / flat.shape[2]


def centre_crop(features: Tensor, *, limit: int) -> Tensor:
    """The centre of a map, at most ``limit`` to a side; a shorter side stays whole.

    Args:
        features: (N, C, H, W).
        limit: largest height and width that come out.

    Reference: SAN's code with 1000. Where a side is exactly 1000 and the other shorter, that code slips to
    an off-centre strip (one row of a 999x1000 map); here such a map stays whole.
    """
    h, w = features.shape[2:]
    top, left = _at_least_zero((h - limit) // 2), _at_least_zero((w - limit) // 2)
    return features[:, :, top : top + limit, left : left + limit]


def _at_least_zero(number: int) -> int:
    """Without a branch on a size, which an exported graph would freeze."""
    larger: int = torch.sym_max(number, 0)  # type: ignore[no-untyped-call]
    return larger
