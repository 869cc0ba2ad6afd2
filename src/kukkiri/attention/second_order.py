"""Second-order channel attention: weights of the channels from their covariances."""

import torch
from torch import Tensor, nn

from kukkiri.attention.covariance import centre_crop, covariance_pool
from kukkiri.attention.matrix_sqrt import SqrtMethod, matrix_sqrt
from kukkiri.attention.squeeze_excitation import make_gate

__all__ = ["SecondOrderChannelAttention"]


class SecondOrderChannelAttention(nn.Module):
    """x times a gate of the row means of C^alpha, C the covariance of the channels; keys ``conv_du.{0,2}.*``.

    Args:
        channels: features in and out.
        reduction: the hidden layer of the gate has channels // reduction features.
        alpha: 1/2 normalizes the covariance by its square root; 1 does not normalize it.
        method: of the square root, see :func:`matrix_sqrt`.
        iterations: of Newton-Schulz.
        crop: the covariance comes from a centre crop of at most this side; ``None`` takes the whole map.
            The weights apply to the whole map either way.
        zero_safe: all-zero features give NaN, as in the official code; True gives finite weights and changes
            no other result.

    Reference: Dai et al., Second-Order Attention Network for Single Image Super-Resolution, CVPR 2019,
    section 3.3; ``alpha`` is the paper's exponent.
    """

    def __init__(
        self,
        channels: int,
        *,
        reduction: int = 16,
        alpha: float = 0.5,
        method: SqrtMethod = "newton-schulz",
        iterations: int = 5,
        crop: int | None = None,
        zero_safe: bool = False,
    ) -> None:
        super().__init__()
        if alpha not in (0.5, 1):
            raise ValueError(f"alpha must be 0.5 or 1, got {alpha}")
        self.conv_du = make_gate(channels, reduction=reduction)
        self.alpha = alpha
        self.method: SqrtMethod = method
        self.iterations = iterations
        self.crop = crop
        self.zero_safe = zero_safe

    def weights(self, x: Tensor) -> Tensor:
        """Compute the weight of every channel, (N, C) in (0, 1), for x of shape (N, C, H, W)."""
        covariance = covariance_pool(x if self.crop is None else centre_crop(x, limit=self.crop))
        if self.alpha != 1:
            covariance = matrix_sqrt(
                covariance, method=self.method, iterations=self.iterations, zero_safe=self.zero_safe
            )
        return torch.as_tensor(self.conv_du(covariance.mean(dim=1)[..., None, None])).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        """Weight the channels of x, (N, C, H, W)."""
        return x * self.weights(x)[..., None, None]
