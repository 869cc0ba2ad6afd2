"""MSRResNet: SRResNet without batch normalization, added to a bilinear upscaling.

Wang et al., BasicSR, https://github.com/XPixelGroup/BasicSR, after Ledig et al., CVPR 2017,
arXiv:1609.04802. Differs from SRResNet's paper: no normalization, LeakyReLU 0.1 in the tail, 3x3 kernels
throughout, no long skip; the bilinearly upscaled input is added instead.
"""

from collections.abc import Mapping
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from kukkiri.info import JSON
from kukkiri.networks.blocks import conv, count_blocks, factor_scale, require_shape
from kukkiri.networks.interface import Configuration, Network
from kukkiri.networks.receptive_field import Layer, compute_receptive_field, list_upscaling_layers

__all__ = ["MSRResNet"]


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = conv(width, width)
        self.conv2 = conv(width, width)

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.conv2(functional.relu(self.conv1(x)))
        return x + residual


class MSRResNet(Network):
    """1,517,571 parameters at x4 (1,369,859 at x2); receptive field: 35 LR pixels to each side.

    Args:
        scale: 2, 3 or 4.
        colour: ``rgb`` in [0, 1], or ``y``.
        width: features.
        depth: residual blocks.
    """

    title = "MSRResNet"
    paper = "Wang et al., BasicSR; after Ledig et al., CVPR 2017, arXiv:1609.04802"
    keys_source = "BasicSR"
    licence = "Apache-2.0 (BasicSR)"
    configurations = (Configuration("MSRResNet", {"scale": 4}),)
    tiny = (
        {"scale": 2, "width": 3, "depth": 2},
        {"scale": 3, "width": 3, "depth": 1, "colour": "y"},
        {"scale": 4, "width": 3, "depth": 1},
    )

    def __init__(
        self, *, scale: int = 4, colour: Literal["y", "rgb"] = "rgb", width: int = 64, depth: int = 16
    ) -> None:
        super().__init__()
        if scale not in (2, 3, 4):
            raise ValueError(f"scale must be 2, 3 or 4, got {scale}")
        self.scale = scale
        self.adds_input = True
        self.colour = colour
        self.stages = factor_scale(scale)
        tail_layers = [*list_upscaling_layers(self.stages), Layer(3), Layer(3)]
        self.receptive_field = 1 + 2 * depth + compute_receptive_field(tail_layers)
        self.conv_first = conv(self.channels, width)
        self.body = nn.Sequential(*(_Block(width) for _ in range(depth)))
        for i, factor in enumerate(self.stages):
            self.add_module(f"upconv{i + 1}", conv(width, width * factor**2))
        self.conv_hr = conv(width, width)
        self.conv_last = conv(width, self.channels)

    def forward(self, lr: Tensor) -> Tensor:
        """Map lr (N, C, H, W) in [0, 1] to sr (N, C, scale*H, scale*W), not clamped."""
        features = self.body(functional.leaky_relu(self.conv_first(lr), 0.1))
        for i, factor in enumerate(self.stages):
            features = functional.pixel_shuffle(self.get_submodule(f"upconv{i + 1}")(features), factor)
            features = functional.leaky_relu(features, 0.1)
        detail: Tensor = self.conv_last(functional.leaky_relu(self.conv_hr(features), 0.1))
        base = functional.interpolate(lr, scale_factor=float(self.scale), mode="bilinear", align_corners=False)
        return base + detail

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer all arguments."""
        width, channels, *_ = require_shape(state, "conv_first.weight", network="msrresnet")
        outputs = require_shape(state, "upconv1.weight", network="msrresnet")[0]
        return {
            "scale": 4 if "upconv2.weight" in state else 3 if outputs == 9 * width else 2,
            "colour": "y" if channels == 1 else "rgb",
            "width": width,
            "depth": count_blocks(state, "body."),
        }
