"""RCAN: groups of residual blocks with channel attention, with skips around each group and around all of them.

Zhang et al., "Image Super-Resolution Using Very Deep Residual Channel Attention Networks", ECCV 2018,
arXiv:1807.02758; keys of the official code, which EDSR-PyTorch shares.
Differs from the paper: nothing known; the mean shifts are trained, as in the official code.
"""

from collections.abc import Mapping
from typing import Literal

from torch import Tensor, nn

from kukkiri.attention import ChannelAttention
from kukkiri.info import JSON
from kukkiri.networks.blocks import (
    StagedUpsampler,
    conv,
    count_blocks,
    infer_colour,
    infer_upsampler_scale,
    leave_out_shown_white,
    make_mean_shift_state,
    make_mean_shifts,
    rename_keys,
    require_shape,
)
from kukkiri.networks.interface import Configuration, Network, PublishedScores

__all__ = ["RCAN", "rcan_from_basicsr"]


class _Block(nn.Module):
    """x + attention(conv(relu(conv(x))))."""

    def __init__(self, width: int, reduction: int) -> None:
        super().__init__()
        attention = ChannelAttention(width, reduction=reduction)
        self.body = nn.Sequential(conv(width, width), nn.ReLU(inplace=True), conv(width, width), attention)

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.body(x)
        return residual + x


class _Group(nn.Module):
    """x + conv(blocks(x))."""

    def __init__(self, width: int, blocks: int, reduction: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*(_Block(width, reduction) for _ in range(blocks)), conv(width, width))

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.body(x)
        return residual + x


class RCAN(Network):
    """15,444,667 parameters at x2; every output pixel depends on the means of the whole input.

    Args:
        scale: 3 or a power of two.
        width: features.
        groups: residual groups.
        blocks: residual blocks in a group.
        reduction: the hidden layer of an attention has width // reduction features.
        upsampling: layer of the tail; only ``sub-pixel`` has the official keys.
        value_range: white, in the units of input and output.
        colour: ``rgb``, or ``y`` for one channel (``n_colors = 1`` in EDSR-PyTorch).
        mean_shift: subtract DIV2K's mean before and add it after; False as in ports without ``sub_mean``.
    """

    title = "RCAN"
    paper = "Zhang et al., ECCV 2018, arXiv:1807.02758"
    keys_source = "yulunzhang/RCAN, BasicSR"
    licence = "MIT (EDSR-PyTorch); no licence file (yulunzhang/RCAN)"
    configurations = (
        Configuration(
            "RCAN",
            {"scale": 4},
            PublishedScores(
                set5={2: 38.27, 3: 34.74, 4: 32.63},
                b100={2: 32.41, 3: 29.32, 4: 27.77},
                source="table in yulunzhang/RCAN, Figs/psnr_bi_1 to 3",
            ),
        ),
    )
    tiny = (
        {"scale": 2, "width": 4, "groups": 1, "blocks": 2, "reduction": 2},
        {"scale": 2, "width": 4, "groups": 1, "blocks": 2, "reduction": 2, "colour": "y", "mean_shift": False},
    )
    untraced: Mapping[str, str] = {"value_range": "255 in the authors' code"}

    receptive_field = None

    def __init__(
        self,
        *,
        scale: int,
        width: int = 64,
        groups: int = 10,
        blocks: int = 20,
        reduction: int = 16,
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
        if mean_shift:
            self.sub_mean, self.add_mean = make_mean_shifts(self.channels, value_range=value_range, trainable=True)
        self.head = nn.Sequential(conv(self.channels, width))
        self.body = nn.Sequential(*(_Group(width, blocks, reduction) for _ in range(groups)), conv(width, width))
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
        """Infer all arguments but ``upsampling``."""
        width = require_shape(state, "head.0.weight", network="rcan")[0]
        hidden = require_shape(state, "body.0.body.0.body.3.conv_du.0.weight", network="rcan")[0]
        return {
            "scale": infer_upsampler_scale(state, "tail.0.", network="rcan"),
            "width": width,
            "groups": count_blocks(state, "body.", suffix="body."),
            "blocks": count_blocks(state, "body.0.body.", suffix="body."),
            "reduction": width // hidden,
            **infer_colour(state, network="rcan"),
        }


def rcan_from_basicsr(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename BasicSR's keys to the official ones; same forward with ``value_range=255`` (its res_scale is 1).

    ``conv_first`` is ``head.0``; ``body.g.residual_group.b.rcab.{0,2}`` are ``body.g.body.b.body.{0,2}``,
    ``rcab.3.attention.{1,3}`` are ``body.3.conv_du.{0,2}``; ``body.g.conv`` is ``body.g.body.blocks``;
    ``conv_after_body`` is ``body.groups``; ``upsample.i`` is ``tail.0.i``; ``conv_last`` is ``tail.1``. As for EDSR,
    the mean of DIV2K is filled in.
    """
    groups, blocks = count_blocks(state, "body."), count_blocks(state, "body.0.residual_group.")
    block = r"body\.(\d+)\.residual_group\.(\d+)\.rcab\."
    rules = [
        (r"conv_first\.", "head.0."),
        (rf"{block}3\.attention\.1\.", r"body.\1.body.\2.body.3.conv_du.0."),
        (rf"{block}3\.attention\.3\.", r"body.\1.body.\2.body.3.conv_du.2."),
        (block, r"body.\1.body.\2.body."),
        (r"body\.(\d+)\.conv\.", rf"body.\1.body.{blocks}."),
        (r"conv_after_body\.", f"body.{groups}."),
        (r"upsample\.", "tail.0."),
        (r"conv_last\.", "tail.1."),
    ]
    return make_mean_shift_state() | rename_keys(state, rules)
