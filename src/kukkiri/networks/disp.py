"""DISP: residual blocks of four convolutions and SiLU at LR size, then one pixel shuffle.

Entry 18 of Ren et al., "The Eleventh NTIRE 2026 Efficient Super-Resolution Challenge Report", CVPRW 2026,
arXiv:2604.03198. Keys of clickcao/NTIRE2026_ESR_Team18, whose convolutions are in their deployed form (the branches
with which they were trained are not published):

    f(0) = C lr,  f(i+1) = f(i) + silu(C3 silu(C_extra silu(C2 silu(C1 f(i))))),  sr = shuffle(U (P f(depth) + f(0)))

with 3x3 convolutions, but for the 1x1 P. Differs from the code: other scales, colours and sizes are possible.
"""

from collections.abc import Mapping
from math import isqrt
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from kukkiri.errors import ModelError
from kukkiri.info import JSON
from kukkiri.networks.blocks import conv, count_blocks, require_shape
from kukkiri.networks.interface import Configuration, Network

__all__ = ["DISP"]


class _Conv(nn.Module):
    """A 3x3 convolution under the key ``eval_conv``."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.eval_conv = conv(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.eval_conv(x)
        return y


class _Block(nn.Module):
    def __init__(self, width: int, *, extra: int) -> None:
        super().__init__()
        self._extern_conv_block = nn.ModuleList(_Conv(width, width) for _ in range(extra))
        self.c1_r = _Conv(width, width)
        self.c2_r = _Conv(width, width)
        self.c3_r = _Conv(width, width)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for layer in (self.c1_r, self.c2_r, *self._extern_conv_block, self.c3_r):
            y = functional.silu(layer(y))
        return y + x


class DISP(Network):
    """163,792 parameters at x4; receptive field: 18 LR pixels to each side.

    Args:
        scale: at least 1.
        colour: ``rgb`` as in the challenge, or ``y``.
        width: features.
        depth: residual blocks.
        extra: convolutions of a block between its second and its last one.
    """

    title = "DISP"
    paper = "entry 18 in Ren et al., CVPRW 2026, arXiv:2604.03198"
    keys_source = "clickcao/NTIRE2026_ESR_Team18"
    licence = "MIT (Amazingren/NTIRE2026_ESR), weights included"
    configurations = (Configuration("DISP", {"scale": 4}),)
    tiny = (
        {"scale": 2, "width": 4, "depth": 2},
        {"scale": 3, "width": 3, "depth": 1, "extra": 0, "colour": "y"},
    )

    def __init__(
        self, *, scale: int = 4, colour: Literal["y", "rgb"] = "rgb", width: int = 32, depth: int = 4, extra: int = 1
    ) -> None:
        super().__init__()
        if scale < 1:
            raise ValueError(f"scale must be at least 1, got {scale}")
        self.scale = scale
        self.colour = colour
        self.receptive_field = depth * (3 + extra) + 2
        self.conv_1 = _Conv(self.channels, width)
        self.blocks = nn.Sequential(*(_Block(width, extra=extra) for _ in range(depth)))
        self.conv_2 = nn.Conv2d(width, width, 1)
        self.upsampler = nn.Sequential(conv(width, self.channels * scale**2), nn.PixelShuffle(scale))

    def forward(self, lr: Tensor) -> Tensor:
        """Map lr (N, C, H, W) in [0, 1] to sr (N, C, scale*H, scale*W), not clamped."""
        first = self.conv_1(lr)
        sr: Tensor = self.upsampler(self.conv_2(self.blocks(first)) + first)
        return sr

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer all arguments."""
        width, channels, *_ = require_shape(state, "conv_1.eval_conv.weight", network="disp")
        outputs = require_shape(state, "upsampler.0.weight", network="disp")[0]
        scale = isqrt(outputs // channels)
        if channels not in (1, 3) or outputs != channels * scale**2:
            raise ModelError(f"not a state dict of disp: {outputs} output channels for {channels} input channels.")
        return {
            "scale": scale,
            "colour": "y" if channels == 1 else "rgb",
            "width": width,
            "depth": count_blocks(state, "blocks."),
            "extra": count_blocks(state, "blocks.0._extern_conv_block."),
        }
