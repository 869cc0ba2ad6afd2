"""ESPCN: three convolutions at LR size, then one pixel shuffle.

Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
Convolutional Neural Network", CVPR 2016, arXiv:1609.05158. State-dict keys as in yjn870/ESPCN-pytorch.
Differs from the paper: zero padding, so that sr is exactly scale x lr; phases in PyTorch's order
(channel i*s + j holds row i, column j of each s x s block).
"""

from collections.abc import Mapping
from math import isqrt
from typing import Literal

import torch
from torch import Tensor, nn

from kukkiri.errors import ModelError
from kukkiri.info import JSON
from kukkiri.networks.interface import Configuration, Network, PublishedScores
from kukkiri.upsampling.icnr import icnr_

__all__ = ["ESPCN"]


class ESPCN(Network):
    """22,729 parameters at x3 on luma (21,284 at x2, 24,752 at x4); receptive field: 4 LR pixels to each side."""

    title = "ESPCN"
    paper = "Shi et al., CVPR 2016, arXiv:1609.05158"
    keys_source = "yjn870/ESPCN-pytorch"
    licence = "no licence file (yjn870/ESPCN-pytorch)"
    configurations = (
        Configuration(
            "ESPCN",
            {"scale": 4},
            PublishedScores(set5={3: 32.55}, source="91 images; quoted in the README of yjn870/ESPCN-pytorch"),
        ),
    )
    tiny = (
        {"scale": 3, "widths": [4, 3]},
        {"scale": 2, "colour": "rgb", "widths": [4, 3]},
    )

    receptive_field = 4

    def __init__(
        self,
        *,
        scale: int,
        colour: Literal["y", "rgb"] = "y",
        widths: tuple[int, int] = (64, 32),
        icnr: bool = False,
    ) -> None:
        """Build the network.

        Args:
            scale: at least 1.
            colour: ``y`` as in the paper, or ``rgb``.
            widths: channels after the first and the second convolution.
            icnr: initialize the last convolution as nearest-neighbour upscaling (Aitken et al. 2017,
                arXiv:1707.02937), without a checkerboard.
        """
        super().__init__()
        if scale < 1:
            raise ValueError(f"scale must be at least 1, got {scale}")
        self.scale = scale
        self.colour = colour
        self.first_part = nn.Sequential(
            nn.Conv2d(self.channels, widths[0], kernel_size=5, padding=2),
            nn.Tanh(),
            nn.Conv2d(widths[0], widths[1], kernel_size=3, padding=1),
            nn.Tanh(),
        )
        head = nn.Conv2d(widths[1], self.channels * scale**2, kernel_size=3, padding=1)
        self.last_part = nn.Sequential(head, nn.PixelShuffle(scale))
        if icnr:
            icnr_(head.weight, scale=scale)
            nn.init.zeros_(head.bias)  # type: ignore[arg-type]

    def forward(self, lr: Tensor) -> Tensor:
        """Map lr (N, C, H, W) in [0, 1] to sr (N, C, scale*H, scale*W), not clamped."""
        sr: Tensor = self.last_part(self.first_part(lr))
        return sr

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer scale, colour and widths."""
        try:
            first, second, head = (
                state[key].shape for key in ("first_part.0.weight", "first_part.2.weight", "last_part.0.weight")
            )
        except KeyError as error:
            raise ModelError(f"not an ESPCN: the state dict has no {error}.") from error
        channels = first[1]
        scale = isqrt(head[0] // channels)
        if channels not in (1, 3) or channels * scale**2 != head[0]:
            raise ModelError(f"not an ESPCN: {head[0]} output channels for {channels} input channels.")
        return {"scale": scale, "colour": "y" if channels == 1 else "rgb", "widths": (first[0], second[0])}


def initialize_as_interpolator(network: ESPCN) -> None:
    """Initialize an ESPCN as nearest-neighbour upscaling plus small random features, in place.

    With PyTorch's default initialization the tanh units stay linear and training stalls near the best linear
    filter (31.0 dB on Set5 x3). Here one path through the layers is an identity scaled by 0.1, 1 and 10,
    within the linear range of tanh; the rest is Glorot's uniform, in the head times 0.05. Expects input and
    output centred on zero, see :mod:`kukkiri.training.centring`. Needs one channel in and out.

    Raises:
        ValueError: an RGB network.
    """
    if network.channels != 1:
        raise ValueError("the interpolator initialization is defined for one channel")
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    for layer, gain in zip(layers, (0.1, 1.0, 10.0), strict=True):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
        centre = layer.kernel_size[0] // 2
        with torch.no_grad():
            if layer is layers[-1]:
                layer.weight.mul_(0.05)
                layer.weight[:, 0] = 0.0
                layer.weight[:, 0, centre, centre] = gain
            else:
                layer.weight[0] = 0.0
                layer.weight[0, 0, centre, centre] = gain
