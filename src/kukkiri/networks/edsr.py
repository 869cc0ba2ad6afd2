"""EDSR: residual blocks without batch normalization between two convolutions, upscaled at the end.

Lim et al., "Enhanced Deep Residual Networks for Single Image Super-Resolution", CVPRW 2017,
arXiv:1707.02921; keys of the official EDSR-PyTorch.
Differs from the paper: nothing known; the published weights come from this code.
"""

from collections.abc import Mapping
from typing import Literal

from torch import Tensor, nn

from kukkiri.info import JSON
from kukkiri.networks.blocks import (
    ResidualBlock,
    StagedUpsampler,
    conv,
    count_blocks,
    factor_scale,
    infer_colour,
    infer_upsampler_scale,
    leave_out_shown_white,
    make_mean_shift_state,
    make_mean_shifts,
    rename_keys,
    require_shape,
)
from kukkiri.networks.interface import Configuration, Network, PublishedScores
from kukkiri.networks.receptive_field import Layer, compute_receptive_field, list_upscaling_layers

__all__ = ["EDSR", "edsr_from_basicsr"]


class EDSR(Network):
    """1,369,883 parameters at x2 (baseline), 24 of them the fixed means; receptive field: 2 * depth + 4 LR pixels.

    Args:
        scale: 3 or a power of two.
        width: features; 64 in the baseline, 256 in the full network.
        depth: residual blocks; 16 in the baseline, 32 in the full network.
        res_scale: factor of every residual branch; 1 in the baseline, 0.1 in the full network. It leaves no
            trace in a state dict.
        upsampling: layer of the tail; only ``sub-pixel`` has the official keys.
        value_range: white, in the units of input and output.
        colour: ``rgb``, or ``y`` for one channel (``n_colors = 1`` in EDSR-PyTorch).
        mean_shift: subtract DIV2K's mean before and add it after; False as in ports without ``sub_mean``.
    """

    title = "EDSR"
    paper = "Lim et al., CVPRW 2017, arXiv:1707.02921"
    keys_source = "EDSR-PyTorch, BasicSR"
    licence = "MIT (EDSR-PyTorch)"
    configurations = (
        Configuration("EDSR baseline", {"scale": 4}),
        Configuration(
            "EDSR",
            {"scale": 4, "width": 256, "depth": 32, "res_scale": 0.1},
            PublishedScores(
                set5={2: 38.11, 3: 34.65, 4: 32.46},
                b100={2: 32.32, 3: 29.25, 4: 27.71},
                source="EDSR's table, in thstkdgus35/EDSR-PyTorch",
            ),
        ),
    )
    tiny = (
        {"scale": 2, "width": 4, "depth": 1},
        {"scale": 3, "width": 4, "depth": 2, "value_range": 1.0},
        {"scale": 2, "width": 4, "depth": 1, "colour": "y"},
        {"scale": 2, "width": 4, "depth": 1, "colour": "y", "mean_shift": False},
    )
    untraced: Mapping[str, str] = {
        "res_scale": "0.1 in the published network of 256 features and 32 blocks, 1 in the baseline",
        "value_range": "255 in EDSR-PyTorch",
    }

    def __init__(
        self,
        *,
        scale: int,
        width: int = 64,
        depth: int = 16,
        res_scale: float = 1.0,
        upsampling: str = "sub-pixel",
        value_range: float = 255.0,
        colour: Literal["y", "rgb"] = "rgb",
        mean_shift: bool = True,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.value_range = value_range
        self.colour = colour
        self.mean_shift = mean_shift
        tail_layers = [*list_upscaling_layers(factor_scale(scale), upsampling=upsampling), Layer(3)]
        self.receptive_field = 1 + 2 * depth + 1 + compute_receptive_field(tail_layers)
        if mean_shift:
            self.sub_mean, self.add_mean = make_mean_shifts(self.channels, value_range=value_range)
        self.head = nn.Sequential(conv(self.channels, width))
        blocks = (ResidualBlock(width, res_scale=res_scale) for _ in range(depth))
        self.body = nn.Sequential(*blocks, conv(width, width))
        self.tail = nn.Sequential(
            StagedUpsampler(width, scale=scale, upsampling=upsampling), conv(width, self.channels)
        )

    def forward(self, lr: Tensor) -> Tensor:
        """Map lr (N, C, H, W) in [0, value_range] to sr (N, C, scale*H, scale*W), not clamped."""
        features = self.head(self.sub_mean(lr) if self.mean_shift else lr)
        sr: Tensor = self.tail(self.body(features) + features)
        return self.add_mean(sr) if self.mean_shift else sr

    @classmethod
    def list_untraced(cls, arguments: Mapping[str, JSON]) -> Mapping[str, str]:
        """List the arguments without traces; the mean shifts show white, where there are any."""
        return leave_out_shown_white(cls.untraced, arguments)

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer all arguments; res_scale is 0.1 for the published full network (256 x 32), 1 for all others."""
        width, depth = (
            require_shape(state, "head.0.weight", network="edsr")[0],
            count_blocks(state, "body.", suffix="body."),
        )
        require_shape(state, f"body.{depth}.weight", network="edsr")
        return {
            "scale": infer_upsampler_scale(state, "tail.0.", network="edsr"),
            "width": width,
            "depth": depth,
            "res_scale": 0.1 if (width, depth) == (256, 32) else 1.0,
            **infer_colour(state, network="edsr"),
        }


def edsr_from_basicsr(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename BasicSR's keys to the official ones; same forward with ``value_range=255``.

    ``conv_first`` is ``head.0``, ``body.i.conv1`` and ``conv2`` are ``body.i.body.0`` and ``2``,
    ``conv_after_body`` is ``body.depth``, ``upsample.i`` is ``tail.0.i``, ``conv_last`` is ``tail.1``. BasicSR
    takes [0, 1], subtracts the mean and multiplies by 255, which is the official shift on [0, 255]; its mean
    is no tensor of the state dict, so DIV2K's is filled in.
    """
    depth = count_blocks(state, "body.")
    rules = [
        (r"conv_first\.", "head.0."),
        (r"body\.(\d+)\.conv1\.", r"body.\1.body.0."),
        (r"body\.(\d+)\.conv2\.", r"body.\1.body.2."),
        (r"conv_after_body\.", f"body.{depth}."),
        (r"upsample\.", "tail.0."),
        (r"conv_last\.", "tail.1."),
    ]
    return make_mean_shift_state() | rename_keys(state, rules)
