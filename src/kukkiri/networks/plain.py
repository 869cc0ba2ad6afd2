"""Plain: 3x3 convolutions and ReLUs at LR size, added to a nearest-neighbour upscaling.

The deployed form of the re-parameterizable networks (Zhang et al., ECBSR, ACM MM 2021) and of the anchor-based
plain network (Du et al., "Anchor-based Plain Net for Mobile Image Super-Resolution", CVPRW 2021,
arXiv:2105.09750), whose head is ESPCN's sub-pixel convolution.
Ours: no branches in training, since SOAP improves the conditioning (docs/adr/0002); ``unshuffle`` first puts blocks
of pixels into channels, so that fewer and wider layers do the same work.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import isqrt
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from kukkiri.errors import ModelError
from kukkiri.info import JSON
from kukkiri.networks.blocks import conv, count_blocks, require_positive, require_shape
from kukkiri.networks.interface import Configuration, Network

__all__ = ["Plain", "initialize_convolutions"]


@torch.no_grad()
def initialize_convolutions(layers: Iterable[nn.Module]) -> None:
    """Initialize 3x3 convolutions by Kaiming's rule; those that keep their width as the identity plus half of it."""
    for layer in layers:
        if isinstance(layer, nn.Conv2d) and layer.bias is not None:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
            if layer.in_channels == layer.out_channels:
                layer.weight.mul_(0.5)
                layer.weight[:, :, 1, 1] += torch.eye(layer.out_channels)


class Plain(Network):
    """66,212 parameters at x2 on luma with 32 features and 8 layers; receptive field: depth + 1 LR pixels to each side.

    Args:
        scale: at least 1.
        colour: ``y`` or ``rgb``.
        width: features.
        depth: convolutions before the head, at least 1.
        unshuffle: side of the blocks of LR pixels that become channels; 1: none.
    """

    title = "Plain"
    paper = "ours; after Du et al., CVPRW 2021, arXiv:2105.09750"
    keys_source = "own"
    licence = "Apache-2.0"
    configurations: Sequence[Configuration] = (
        Configuration("Plain, 16 x 4", {"scale": 4, "width": 16, "depth": 4}),
        Configuration("Plain, 32 x 4", {"scale": 4, "depth": 4}),
        Configuration("Plain, 32 x 10", {"scale": 4, "depth": 10}),
        Configuration("Plain, 48 x 12", {"scale": 4, "width": 48, "depth": 12}),
    )
    tiny = (
        {"scale": 2, "width": 4, "depth": 2},
        {"scale": 3, "width": 4, "depth": 1, "colour": "rgb", "unshuffle": 2},
    )

    def __init__(
        self,
        *,
        scale: int = 2,
        colour: Literal["y", "rgb"] = "y",
        width: int = 32,
        depth: int = 8,
        unshuffle: int = 1,
    ) -> None:
        super().__init__()
        require_positive(scale=scale, width=width, depth=depth, unshuffle=unshuffle)
        self.scale = scale
        self.colour = colour
        self.adds_input = True
        self.unshuffle = unshuffle
        self.multiple = unshuffle
        self.receptive_field = unshuffle * (depth + 2) - 1
        inputs = self.channels * unshuffle**2
        self.body = nn.ModuleList(conv(width if i else inputs, width) for i in range(depth))
        self.head = conv(width, inputs * scale**2)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Initialize the body as identity plus half of Kaiming's, the head as a tenth of it: nearly nearest pixels."""
        initialize_convolutions((*self.body, self.head))
        self.head.weight.mul_(0.1)

    def features(self, lr: Tensor) -> Tensor:
        """Compute the input of the head, (N, width, H / unshuffle, W / unshuffle)."""
        x = functional.pixel_unshuffle(lr, self.unshuffle) if self.unshuffle > 1 else lr
        for layer in self.body:
            x = functional.relu(layer(x))
        return x

    def forward(self, lr: Tensor) -> Tensor:
        """Map lr (N, C, H, W) in [0, 1] to sr (N, C, scale*H, scale*W), not clamped.

        Raises:
            ValueError: H or W is no multiple of ``unshuffle``.
        """
        if lr.shape[-2] % self.unshuffle or lr.shape[-1] % self.unshuffle:
            raise ValueError(f"expected sides that are multiples of {self.unshuffle}, got {tuple(lr.shape[-2:])}")
        return self.upscale(self.features(lr), lr)

    def upscale(self, features: Tensor, lr: Tensor) -> Tensor:
        """Add the sub-pixels of the head to the nearest-neighbour upscaling of ``lr``."""
        detail = functional.pixel_shuffle(self.head(features), self.scale * self.unshuffle)
        return detail + functional.interpolate(lr, scale_factor=float(self.scale), mode="nearest")

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer all arguments: luma has 1, 4, 9 or 16 input channels, RGB three times as many."""
        width, inputs, *_ = require_shape(state, "body.0.weight", network="plain")
        depth = count_blocks(state, "body.")
        outputs = require_shape(state, "head.weight", network="plain")[0]
        channels = 1 if isqrt(inputs) ** 2 == inputs else 3
        unshuffle, scale = isqrt(inputs // channels), isqrt(outputs // inputs)
        if channels * unshuffle**2 != inputs or inputs * scale**2 != outputs:
            raise ModelError(f"not a state dict of plain: {outputs} output channels for {inputs} input channels.")
        return {
            "scale": scale,
            "colour": "y" if channels == 1 else "rgb",
            "width": width,
            "depth": depth,
            "unshuffle": unshuffle,
        }
