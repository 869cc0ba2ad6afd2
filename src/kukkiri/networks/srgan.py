"""SRGAN: the small generator of a popular port, and the discriminators.

Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network",
CVPR 2017, arXiv:1609.04802. The paper's generator is :class:`~kukkiri.networks.srresnet.SRResNet`.
Differs from the paper: :class:`SRGAN` is the generator of leftthomas/SRGAN, with five residual blocks, biases
everywhere and an output of (tanh + 1) / 2; the discriminators as stated for each ``variant``.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from kukkiri.errors import ModelError
from kukkiri.info import JSON
from kukkiri.networks.blocks import conv, count_blocks, factor_scale, require_shape
from kukkiri.networks.discriminator import Discriminator
from kukkiri.networks.interface import Configuration, Network
from kukkiri.networks.receptive_field import Layer, compute_receptive_field, list_upscaling_layers

__all__ = ["SRGAN", "SRGANDiscriminator"]


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = conv(width, width)
        self.bn1 = nn.BatchNorm2d(width)
        self.prelu = nn.PReLU()
        self.conv2 = conv(width, width)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.bn2(self.conv2(self.prelu(self.bn1(self.conv1(x)))))
        return x + residual


class _Stage(nn.Module):
    def __init__(self, width: int, factor: int) -> None:
        super().__init__()
        self.conv = conv(width, width * factor**2)
        self.shuffle = nn.PixelShuffle(factor)
        self.prelu = nn.PReLU()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.prelu(self.shuffle(self.conv(x)))
        return out


class SRGAN(Network):
    """734,219 parameters at x4; receptive field: 18 LR pixels to each side.

    Args:
        scale: 2, 4 or 8; the port also has x3, with one stage.
        width: features.
        depth: residual blocks, ``block2`` to ``block{depth + 1}``.
    """

    title = "SRGAN of leftthomas"
    paper = "Ledig et al., CVPR 2017, arXiv:1609.04802"
    keys_source = "leftthomas/SRGAN"
    licence = "MIT (leftthomas/SRGAN)"
    configurations = (Configuration("SRGAN of leftthomas", {"scale": 4}),)
    tiny = (
        {"scale": 4, "width": 3, "depth": 2},
        {"scale": 3, "width": 3, "depth": 1},
    )

    def __init__(self, *, scale: int = 4, width: int = 64, depth: int = 5) -> None:
        super().__init__()
        stages = factor_scale(scale)
        self.scale = scale
        self.depth = depth
        tail_layers = [*list_upscaling_layers(stages), Layer(9)]
        self.receptive_field = 4 + 2 * depth + 1 + compute_receptive_field(tail_layers)
        self.block1 = nn.Sequential(conv(3, width, 9), nn.PReLU())
        for i in range(depth):
            self.add_module(f"block{i + 2}", _Block(width))
        self.add_module(f"block{depth + 2}", nn.Sequential(conv(width, width), nn.BatchNorm2d(width)))
        tail = [*(_Stage(width, factor) for factor in stages), conv(width, 3, 9)]
        self.add_module(f"block{depth + 3}", nn.Sequential(*tail))

    def forward(self, lr: Tensor) -> Tensor:
        """Map lr (N, 3, H, W) in [0, 1] to sr (N, 3, scale*H, scale*W); tanh keeps it within [0, 1]."""
        first: Tensor = self.block1(lr)
        features = first
        for i in range(2, self.depth + 3):
            features = self.get_submodule(f"block{i}")(features)
        out: Tensor = self.get_submodule(f"block{self.depth + 3}")(first + features)
        return (torch.tanh(out) + 1) / 2

    def shift_input(self, centre: float) -> dict[str, Tensor]:
        """See :meth:`Network.shift_input`: there is no such form."""
        raise ValueError("a tanh ends this network, so that no bias shifts its output")

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer all arguments."""
        width = require_shape(state, "block1.0.weight", network="srgan")[0]
        depth = sum(key.endswith(".conv1.weight") for key in state)
        tail = f"block{depth + 3}."
        scale = 1
        for i in range(count_blocks(state, tail) - 1):
            outputs = require_shape(state, f"{tail}{i}.conv.weight", network="srgan")[0]
            factor = {4 * width: 2, 9 * width: 3}.get(outputs)
            if factor is None:
                raise ModelError(f"not a state dict of srgan: stage {i} maps {width} to {outputs} features.")
            scale *= factor
        return {"scale": scale, "width": width, "depth": depth}


class SRGANDiscriminator(Discriminator):
    """Discriminator of real images from estimates: eight convolutions, four of them with stride 2, then two layers.

    Args:
        variant: ``paper`` for 96 x 96 pixels, 23,563,649 parameters, keys of Lornatang/SRGAN-PyTorch;
            ``kernel4`` the same with 4x4 kernels where the stride is 2, 26,000,705 parameters, keys of
            twtygqyy/pytorch-SRResNet; ``pooled`` takes any size by averaging before the last two layers,
            5,215,425 parameters, keys of leftthomas/SRGAN.
        width: features of the first layer; they double three times.
        channels: of its input.
    """

    title = "SRGAN's discriminator"
    paper = "Ledig et al., CVPR 2017, arXiv:1609.04802"
    keys_source = "Lornatang/SRGAN-PyTorch, twtygqyy/pytorch-SRResNet, leftthomas/SRGAN"
    licence = "Apache-2.0, MIT, MIT"

    def __init__(
        self, *, variant: Literal["paper", "kernel4", "pooled"] = "paper", width: int = 64, channels: int = 3
    ) -> None:
        super().__init__()
        if variant not in ("paper", "kernel4", "pooled"):
            raise ValueError(f"variant must be 'paper', 'kernel4' or 'pooled', got {variant!r}")
        self.variant = variant
        bias = variant == "pooled"
        layers: list[nn.Module] = []
        inputs = channels
        for i in range(8):
            outputs = width * 2 ** (i // 2)
            side = 4 if variant == "kernel4" and i % 2 else 3
            first = i == 0 and variant == "paper"
            layers.append(nn.Conv2d(inputs, outputs, side, stride=1 + i % 2, padding=1, bias=bias or first))
            if i > 0:
                layers.append(nn.BatchNorm2d(outputs))
            layers.append(nn.LeakyReLU(0.2))
            inputs = outputs
        if variant == "pooled":
            head = [nn.AdaptiveAvgPool2d(1), nn.Conv2d(inputs, 2 * inputs, 1), nn.LeakyReLU(0.2)]
            self.net = nn.Sequential(*layers, *head, nn.Conv2d(2 * inputs, 1, 1))
            return
        self.features = nn.Sequential(*layers)
        hidden, last = nn.Linear(inputs * 6 * 6, 2 * inputs), nn.Linear(2 * inputs, 1)
        if variant == "paper":
            self.classifier = nn.Sequential(hidden, nn.LeakyReLU(0.2), last)
        else:
            self.fc1, self.fc2 = hidden, last

    def logits(self, image: Tensor) -> Tensor:
        """Map images (N, channels, H, W) in [0, 1] to logits (N,), large for real ones; 96 x 96 unless ``pooled``.

        Raises:
            ValueError: the images are not 96 x 96 and the variant is not ``pooled``.
        """
        if self.variant == "pooled":
            pooled: Tensor = self.net(image)
            return pooled.flatten()
        if image.shape[-2:] != (96, 96):
            raise ValueError(f"expected 96 x 96 pixels, got {tuple(image.shape[-2:])}; variant='pooled' takes any size")
        features = self.features(image).flatten(1)
        if self.variant == "paper":
            out: Tensor = self.classifier(features)
        else:
            out = self.fc2(nn.functional.leaky_relu(self.fc1(features), 0.2))
        return out.flatten()

    def forward(self, image: Tensor) -> Tensor:
        """Map images as :meth:`logits` does, to probabilities (N,) of being real."""
        return torch.sigmoid(self.logits(image))
