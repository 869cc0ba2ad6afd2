"""The image transformation network of Johnson et al., for upscaling under a perceptual loss.

Johnson, Alahi and Fei-Fei, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", ECCV 2016,
arXiv:1603.08155. ``c9s1-64, 4 x R64, u64 per factor of two, c9s1-3`` in the notation of jcjohnson/fast-neural-style,
which ships neither code nor weights for super-resolution; the keys are ours.
Differs from the paper: zero padding throughout; the conversion to VGG's input and back is part of the forward.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from kukkiri.info import JSON
from kukkiri.networks.blocks import conv, count_blocks, require_shape
from kukkiri.networks.interface import Configuration, Network
from kukkiri.networks.receptive_field import Layer, compute_receptive_field

__all__ = ["Johnson"]

_VGG_MEAN = (123.68, 116.779, 103.939)
"""Mean RGB on 0..255 of the training images of VGG."""


class _Block(nn.Module):
    """Two convolutions with batch normalization, and a skip; no activation after the sum."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(width, width), nn.BatchNorm2d(width), nn.ReLU(), conv(width, width), nn.BatchNorm2d(width)
        )

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.body(x)
        return x + residual


class Johnson(Network):
    """401,859 parameters at x4, 438,915 at x8; receptive field: 14 LR pixels to each side at x4.

    Args:
        scale: a power of two, 4 and 8 in the paper.
        width: features.
        depth: residual blocks.
    """

    title = "Johnson et al."
    paper = "Johnson et al., ECCV 2016, arXiv:1603.08155"
    keys_source = "own"
    licence = "research use only (jcjohnson/fast-neural-style)"
    configurations = (Configuration("Johnson et al.", {"scale": 4}),)
    tiny = (
        {"scale": 2, "width": 3, "depth": 2},
        {"scale": 8, "width": 3, "depth": 1},
    )

    value_range = 255.0

    def __init__(self, *, scale: int = 4, width: int = 64, depth: int = 4) -> None:
        super().__init__()
        if scale < 2 or scale & (scale - 1):
            raise ValueError(f"scale must be a power of two, got {scale}")
        self.scale = scale
        stage = Layer(3, stride=2, padding=1, transposed=True)
        tail_layers = [*[stage] * (scale.bit_length() - 1), Layer(9)]
        self.receptive_field = 4 + 2 * depth + compute_receptive_field(tail_layers)
        stages: list[nn.Module] = []
        for _ in range(scale.bit_length() - 1):
            upscale = nn.ConvTranspose2d(width, width, 3, stride=2, padding=1, output_padding=1)
            stages.append(nn.Sequential(upscale, nn.BatchNorm2d(width), nn.ReLU()))
        self.head = nn.Sequential(conv(3, width, 9), nn.BatchNorm2d(width), nn.ReLU())
        self.body = nn.Sequential(*(_Block(width) for _ in range(depth)))
        self.up = nn.Sequential(*stages)
        self.tail = conv(width, 3, 9)
        self.register_buffer("mean", torch.tensor(_VGG_MEAN).view(1, 3, 1, 1), persistent=False)

    def forward(self, lr: Tensor) -> Tensor:
        """Map lr (N, 3, H, W) in RGB on 0..255 to sr (N, 3, scale*H, scale*W), within 150 of VGG's mean."""
        mean = self.get_buffer("mean")
        features = self.up(self.body(self.head((lr - mean).flip(1))))  # VGG's channels are BGR
        return (150.0 * torch.tanh(self.tail(features))).flip(1) + mean

    def shift_input(self, centre: float) -> dict[str, Tensor]:
        """See :meth:`Network.shift_input`: there is no such form."""
        raise ValueError("a tanh ends this network, so that no bias shifts its output")

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer all arguments."""
        return {
            "scale": 2 ** count_blocks(state, "up."),
            "width": require_shape(state, "head.0.weight", network="johnson")[0],
            "depth": count_blocks(state, "body.", suffix="body."),
        }
