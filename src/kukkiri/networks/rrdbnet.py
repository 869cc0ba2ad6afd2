"""RRDBNet, the generator of ESRGAN and Real-ESRGAN: residual-in-residual dense blocks; and ESRGAN's discriminator.

Wang et al., "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks", ECCVW 2018,
arXiv:1809.00219; x2 and x1 by pixel-unshuffling the input as in Real-ESRGAN, arXiv:2107.10833.
Differs from the paper: nothing known; upscales by nearest neighbours and a convolution, as the code does.
Keys of xinntao/ESRGAN (``keys="esrgan"``) or of BasicSR (``keys="basicsr"``); the older layout
``model.1.sub.*`` is translated by ``kukkiri.checkpoints``.
"""

from collections.abc import Mapping
from math import isqrt
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from kukkiri.errors import ModelError
from kukkiri.info import JSON
from kukkiri.networks.blocks import conv, count_blocks, require_shape
from kukkiri.networks.discriminator import Discriminator
from kukkiri.networks.interface import Configuration, Network, PublishedScores
from kukkiri.networks.receptive_field import Layer, compute_receptive_field, list_upscaling_layers

__all__ = ["ESRGANDiscriminator", "RRDBNet"]

_NAMES = {
    "esrgan": {
        "body": "RRDB_trunk",
        "dense": "RDB",
        "after": "trunk_conv",
        "up1": "upconv1",
        "up2": "upconv2",
        "hr": "HRconv",
    },
    "basicsr": {
        "body": "body",
        "dense": "rdb",
        "after": "conv_body",
        "up1": "conv_up1",
        "up2": "conv_up2",
        "hr": "conv_hr",
    },
}


class _DenseBlock(nn.Module):
    """Five convolutions, each on the input and all earlier outputs; x + 0.2 * the last output."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        for i in range(5):
            layer = conv(width + i * growth, growth if i < 4 else width)
            nn.init.kaiming_normal_(layer.weight)
            with torch.no_grad():
                layer.weight.mul_(0.1)  # "smaller initialization", section 3.1 of the paper
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
            self.add_module(f"conv{i + 1}", layer)

    def forward(self, x: Tensor) -> Tensor:
        features = x
        for i in range(4):
            new = functional.leaky_relu(self.get_submodule(f"conv{i + 1}")(features), 0.2)
            features = torch.cat((features, new), dim=1)
        residual: Tensor = self.get_submodule("conv5")(features)
        return x + 0.2 * residual


class _RRDB(nn.Module):
    """Three dense blocks in sequence; x + 0.2 * their output."""

    def __init__(self, width: int, growth: int, *, key: str) -> None:
        super().__init__()
        for i in (1, 2, 3):
            self.add_module(f"{key}{i}", _DenseBlock(width, growth))

    def forward(self, x: Tensor) -> Tensor:
        out = x
        for block in self.children():
            out = block(out)
        return x + 0.2 * out


class RRDBNet(Network):
    """16,697,987 parameters at x4 with 23 blocks; receptive field: 349 LR pixels to each side at x4.

    Args:
        scale: 4, or with ``keys="basicsr"`` also 2 and 1, for which the input is pixel-unshuffled by 2 or 4.
        colour: ``rgb`` in [0, 1], or ``y``.
        width: features of the trunk.
        growth: features that each convolution of a dense block adds.
        depth: number of residual-in-residual dense blocks.
        keys: naming of the state dict, see above.
    """

    title = "RRDBNet"
    paper = "Wang et al., ESRGAN, ECCVW 2018, arXiv:1809.00219"
    keys_source = "ESRGAN (old and new), BasicSR"
    licence = "Apache-2.0 (xinntao/ESRGAN, BasicSR)"
    configurations = (
        Configuration(
            "RRDBNet (ESRGAN)",
            {"scale": 4},
            PublishedScores(set5={4: 32.73}, b100={4: 27.85}, source="README of xinntao/ESRGAN, PSNR-oriented, DF2K"),
        ),
    )
    tiny = (
        {"scale": 4, "width": 3, "growth": 2, "depth": 1},
        {"scale": 2, "width": 3, "growth": 2, "depth": 1, "keys": "basicsr"},
        {"scale": 1, "width": 3, "growth": 2, "depth": 1, "keys": "basicsr", "colour": "y"},
    )

    def __init__(
        self,
        *,
        scale: int = 4,
        colour: Literal["y", "rgb"] = "rgb",
        width: int = 64,
        growth: int = 32,
        depth: int = 23,
        keys: Literal["esrgan", "basicsr"] = "esrgan",
    ) -> None:
        super().__init__()
        if keys not in _NAMES:
            raise ValueError(f"keys must be 'esrgan' or 'basicsr', got {keys!r}")
        if scale not in ((4,) if keys == "esrgan" else (1, 2, 4)):
            raise ValueError(f"scale must be 4, or 1 or 2 with keys='basicsr', got {scale} with keys={keys!r}")
        self.scale = scale
        self.colour = colour
        self.multiple = 4 // scale
        tail_layers = [*list_upscaling_layers([2, 2], upsampling="resize-nearest"), Layer(3), Layer(3)]
        self.receptive_field = self.multiple * (15 * depth + 2 + compute_receptive_field(tail_layers))
        names = _NAMES[keys]
        self.names = names
        self.conv_first = conv(self.channels * self.multiple**2, width)
        body = nn.Sequential(*(_RRDB(width, growth, key=names["dense"]) for _ in range(depth)))
        self.add_module(names["body"], body)
        for part in ("after", "up1", "up2", "hr"):
            self.add_module(names[part], conv(width, width))
        self.conv_last = conv(width, self.channels)

    def forward(self, lr: Tensor) -> Tensor:
        """Map lr (N, C, H, W) in [0, 1] to sr (N, C, scale*H, scale*W), not clamped.

        H and W must be multiples of ``multiple``.
        """
        if self.multiple > 1:
            lr = functional.pixel_unshuffle(lr, self.multiple)
        first = self.conv_first(lr)
        features = first + self._part("after", self._part("body", first))
        for stage in ("up1", "up2"):
            features = functional.interpolate(features, scale_factor=2.0, mode="nearest")
            features = functional.leaky_relu(self._part(stage, features), 0.2)
        sr: Tensor = self.conv_last(functional.leaky_relu(self._part("hr", features), 0.2))
        return sr

    def _part(self, part: str, x: Tensor) -> Tensor:
        out: Tensor = self.get_submodule(self.names[part])(x)
        return out

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer all arguments."""
        keys = "basicsr" if "conv_body.weight" in state else "esrgan"
        names = _NAMES[keys]
        dense = require_shape(state, f"{names['body']}.0.{names['dense']}1.conv1.weight", network="rrdbnet")
        width, inputs, *_ = require_shape(state, "conv_first.weight", network="rrdbnet")
        channels = require_shape(state, "conv_last.weight", network="rrdbnet")[0]
        fold = isqrt(inputs // channels)
        if inputs != channels * fold**2 or fold not in (1, 2, 4):
            raise ModelError(f"not a state dict of rrdbnet: {inputs} input channels for {channels} output channels.")
        return {
            "scale": 4 // fold,
            "colour": "y" if channels == 1 else "rgb",
            "width": width,
            "growth": dense[0],
            "depth": count_blocks(state, f"{names['body']}."),
            "keys": keys,
        }


class ESRGANDiscriminator(Discriminator):
    """The VGG-style discriminator of ESRGAN's training; 14,499,401 parameters for 128 x 128 pixels.

    Keys as ``VGGStyleDiscriminator`` in BasicSR.

    Args:
        size: height and width of its input, 128 or 256.
        channels: of its input.
        width: features of the first layer; they double in the next three stages.
    """

    title = "VGG-style discriminator (ESRGAN)"
    paper = "Wang et al., ECCVW 2018, arXiv:1809.00219"
    keys_source = "XPixelGroup/BasicSR"
    licence = "Apache-2.0 (XPixelGroup/BasicSR)"

    def __init__(self, *, size: int = 128, channels: int = 3, width: int = 64) -> None:
        super().__init__()
        if size not in (128, 256):
            raise ValueError(f"size must be 128 or 256, got {size}")
        self.size = size
        self.stages = size.bit_length() - 3
        inputs = channels
        for i in range(self.stages):
            outputs = width * min(2**i, 8)
            self.add_module(f"conv{i}_0", nn.Conv2d(inputs, outputs, 3, padding=1, bias=i == 0))
            if i > 0:
                self.add_module(f"bn{i}_0", nn.BatchNorm2d(outputs))
            self.add_module(f"conv{i}_1", nn.Conv2d(outputs, outputs, 4, stride=2, padding=1, bias=False))
            self.add_module(f"bn{i}_1", nn.BatchNorm2d(outputs))
            inputs = outputs
        self.linear1 = nn.Linear(inputs * 4 * 4, 100)
        self.linear2 = nn.Linear(100, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Map images (N, channels, size, size) to logits (N, 1), large for real ones.

        Raises:
            ValueError: the images have another size.
        """
        if image.shape[-2:] != (self.size, self.size):
            raise ValueError(f"expected {self.size} x {self.size} pixels, got {tuple(image.shape[-2:])}")
        for i in range(self.stages):
            for j in (0, 1):
                image = self.get_submodule(f"conv{i}_{j}")(image)
                if i + j > 0:
                    image = self.get_submodule(f"bn{i}_{j}")(image)
                image = functional.leaky_relu(image, 0.2)
        hidden = functional.leaky_relu(self.linear1(image.flatten(1)), 0.2)
        logits: Tensor = self.linear2(hidden)
        return logits
