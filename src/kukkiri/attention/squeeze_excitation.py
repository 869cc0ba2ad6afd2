"""First-order channel attention: weights of the channels from their means."""

import torch
from torch import Tensor, nn

__all__ = ["ChannelAttention", "SqueezeExcitation"]


class SqueezeExcitation(nn.Module):
    """x times sigmoid(W2 relu(W1 mean(x))), with fully connected layers; keys ``fc.0.*``, ``fc.2.*``.

    Args:
        channels: C, features in and out.
        reduction: the hidden layer has C // reduction features.
        bias: False as in the common PyTorch code (senet.pytorch); the Caffe original has biases.

    Reference: Hu et al., Squeeze-and-Excitation Networks, CVPR 2018, arXiv:1709.01507.
    """

    def __init__(self, channels: int, *, reduction: int = 16, bias: bool = False) -> None:
        super().__init__()
        hidden = _reduce_width(channels, reduction)
        self.fc = nn.Sequential(
            nn.Linear(channels, hidden, bias=bias),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, channels, bias=bias),
            nn.Sigmoid(),
        )

    def weights(self, x: Tensor) -> Tensor:
        """Compute the weight of every channel, (N, C) in (0, 1), for x of shape (N, C, ...)."""
        means = x.flatten(2).mean(dim=2)
        return torch.as_tensor(self.fc(means))

    def forward(self, x: Tensor) -> Tensor:
        """Weight the channels of x, (N, C, ...)."""
        return x * self.weights(x).view(*x.shape[:2], *[1] * (x.dim() - 2))


class ChannelAttention(nn.Module):
    """RCAN's form of :class:`SqueezeExcitation`: 1x1 convolutions with bias; keys ``conv_du.{0,2}.*``.

    Args:
        channels: C, features in and out.
        reduction: the hidden layer has C // reduction features.

    Reference: Zhang et al., RCAN, ECCV 2018, arXiv:1807.02758.
    """

    def __init__(self, channels: int, *, reduction: int = 16) -> None:
        super().__init__()
        self.conv_du = make_gate(channels, reduction=reduction)

    def weights(self, x: Tensor) -> Tensor:
        """Compute the weight of every channel, (N, C) in (0, 1), for x of shape (N, C, H, W)."""
        return torch.as_tensor(self.conv_du(x.mean(dim=(2, 3), keepdim=True))).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        """Weight the channels of x, (N, C, H, W)."""
        return x * self.weights(x)[..., None, None]


def make_gate(channels: int, *, reduction: int) -> nn.Sequential:
    """Make a gate from statistics (N, C, 1, 1) to weights in (0, 1): 1x1 convolutions down and up, then a sigmoid."""
    hidden = _reduce_width(channels, reduction)
    return nn.Sequential(
        nn.Conv2d(channels, hidden, kernel_size=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(hidden, channels, kernel_size=1),
        nn.Sigmoid(),
    )


def _reduce_width(channels: int, reduction: int) -> int:
    if not 1 <= reduction <= channels:
        raise ValueError(f"reduction must be between 1 and the {channels} channels, got {reduction}")
    return channels // reduction
