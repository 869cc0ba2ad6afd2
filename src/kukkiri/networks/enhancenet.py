"""EnhanceNet: residual blocks and nearest-neighbour upscaling, added to a bicubic upscaling.

Sajjadi et al., "EnhanceNet: Single Image Super-Resolution Through Automated Texture Synthesis", ICCV 2017,
arXiv:1612.07919. ``convs.{i}`` are in the order of the TensorFlow variables ``generator/Conv``,
``generator/Conv_1`` ... ``generator/Conv_24`` of msmsajjadi/EnhanceNet-Code; there is no official PyTorch code.
Differs from the paper: scales other than four are possible.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from kukkiri.info import JSON
from kukkiri.networks.blocks import conv, count_blocks, require_shape
from kukkiri.networks.discriminator import Discriminator
from kukkiri.networks.interface import Configuration, Network
from kukkiri.networks.receptive_field import Layer, compute_receptive_field, list_upscaling_layers

__all__ = ["EnhanceNet", "EnhanceNetDiscriminator"]

_MEAN = (0.47614917, 0.45001204, 0.40904046)
"""Mean RGB that the code of the authors subtracts."""


def _make_tensorflow_kernel(scale: int) -> Tensor:
    """Make the kernels of TensorFlow 1's bicubic upscaling, (scale^2, 1, 4, 4): cubic with a = -0.75.

    Output pixel o is sampled at o / scale. The samples are not centred on half pixels, so that the result is shifted by
    (scale - 1) / 2 pixels. Float32 holds these numbers exactly up to x8.
    """
    a = -0.75
    distance = torch.arange(scale)[:, None] / scale - torch.arange(-1, 3)
    d = distance.abs()
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * (d**3 - 5 * d**2 + 8 * d - 4)
    weights = torch.where(d <= 1, near, torch.where(d < 2, far, torch.zeros_like(d)))  # (phase, tap)
    return torch.einsum("iy,jx->ijyx", weights, weights).reshape(scale**2, 1, 4, 4)


class EnhanceNet(Network):
    """852,867 parameters; receptive field: 23 LR pixels to each side at x4.

    Args:
        scale: a power of two.
        width: features.
        depth: residual blocks.
        base: the upscaling to which the network adds: ``tensorflow``, for the weights of the authors, or
            ``bicubic``, centred on half pixels and with a = -0.5.
    """

    title = "EnhanceNet"
    paper = "Sajjadi et al., ICCV 2017, arXiv:1612.07919"
    keys_source = "own (TensorFlow's order)"
    licence = "weights: CC BY-NC-ND 4.0 (msmsajjadi/EnhanceNet-Code)"
    untraced: Mapping[str, str] = {
        "scale": "4 in the published network; another changes the number of blocks",
        "base": "tensorflow in the published network",
    }
    configurations = (Configuration("EnhanceNet", {}),)
    tiny = ({"width": 3, "depth": 2},)

    def __init__(
        self,
        *,
        scale: int = 4,
        width: int = 64,
        depth: int = 10,
        base: Literal["tensorflow", "bicubic"] = "tensorflow",
    ) -> None:
        super().__init__()
        if scale < 2 or scale & (scale - 1):
            raise ValueError(f"scale must be a power of two, got {scale}")
        if base not in ("tensorflow", "bicubic"):
            raise ValueError(f"base must be 'tensorflow' or 'bicubic', got {base!r}")
        self.scale = scale
        self.adds_input = True
        self.depth = depth
        self.base = base
        self.stages = scale.bit_length() - 1
        tail_layers = [*list_upscaling_layers([2] * self.stages, upsampling="resize-nearest"), Layer(3), Layer(3)]
        self.receptive_field = 1 + 2 * depth + compute_receptive_field(tail_layers)
        hidden = 2 * depth + self.stages + 1
        layers = [conv(3, width), *(conv(width, width) for _ in range(hidden)), conv(width, 3)]
        self.convs = nn.ModuleList(layers)
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("kernel", _make_tensorflow_kernel(scale).repeat(3, 1, 1, 1), persistent=False)

    def forward(self, lr: Tensor) -> Tensor:
        """Map lr (N, 3, H, W) in [0, 1] to sr (N, 3, scale*H, scale*W), not clamped."""
        mean = self.get_buffer("mean")
        x = functional.relu(self.convs[0](lr - mean))
        for i in range(1, 2 * self.depth, 2):
            x = x + self.convs[i + 1](functional.relu(self.convs[i](x)))
        after = 2 * self.depth + 1
        for i in range(after, after + self.stages):
            x = functional.relu(self.convs[i](functional.interpolate(x, scale_factor=2.0, mode="nearest")))
        x = functional.relu(self.convs[-2](x))
        detail: Tensor = self.convs[-1](x)
        return self._upscale(lr) + detail

    def _upscale(self, lr: Tensor) -> Tensor:
        if self.base == "tensorflow":
            padded = functional.pad(lr, (1, 2, 1, 2), mode="replicate")
            return functional.pixel_shuffle(functional.conv2d(padded, self.get_buffer("kernel"), groups=3), self.scale)
        size = (lr.shape[-2] * self.scale, lr.shape[-1] * self.scale)
        return functional.interpolate(lr, size=size, mode="bicubic", antialias=True)  # antialias makes a = -0.5

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor], *, scale: int = 4) -> dict[str, JSON]:
        """Infer width and depth at a scale; more stages and fewer blocks would have the same shapes."""
        width = require_shape(state, "convs.0.weight", network="enhancenet")[0]
        stages = scale.bit_length() - 1
        return {"scale": scale, "width": width, "depth": (count_blocks(state, "convs.") - 3 - stages) // 2}


class EnhanceNetDiscriminator(Discriminator):
    """EnhanceNet's discriminator for 128 x 128 pixels: ten convolutions without normalization, then two layers.

    13,102,881 parameters.

    Args:
        size: height and width of its input, a multiple of 32.
        channels: of its input.
        width: features of the first two layers; they double four times.
    """

    title = "EnhanceNet's discriminator"
    paper = "Sajjadi et al., ICCV 2017, arXiv:1612.07919"
    keys_source = "own"
    licence = "none: the authors publish no code of it"

    def __init__(self, *, size: int = 128, channels: int = 3, width: int = 32) -> None:
        super().__init__()
        if size < 32 or size % 32:
            raise ValueError(f"size must be a multiple of 32, got {size}")
        self.size = size
        layers: list[nn.Module] = []
        inputs = channels
        for i in range(10):
            outputs = width * 2 ** (i // 2)
            layers += [nn.Conv2d(inputs, outputs, 3, stride=1 + i % 2, padding=1), nn.LeakyReLU(0.2)]
            inputs = outputs
        self.features = nn.Sequential(*layers)
        hidden = nn.Linear(inputs * (size // 32) ** 2, 32 * width)
        self.classifier = nn.Sequential(nn.Flatten(), hidden, nn.LeakyReLU(0.2), nn.Linear(32 * width, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Map images (N, channels, size, size) to logits (N, 1), large for real ones.

        Raises:
            ValueError: the images have another size.
        """
        if image.shape[-2:] != (self.size, self.size):
            raise ValueError(f"expected {self.size} x {self.size} pixels, got {tuple(image.shape[-2:])}")
        logits: Tensor = self.classifier(self.features(image))
        return logits
