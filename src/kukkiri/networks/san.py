"""SAN: groups of residual blocks, each with second-order channel attention at its end, between non-local blocks.

Dai et al., "Second-Order Attention Network for Single Image Super-Resolution", CVPR 2019 (oral); keys of the
official code, daitao/SAN.

Differs from the paper, with ``variant="official"`` (the code that made the published weights):

- one regional non-local module, used before and after the groups; the paper has two;
- its keys and values are max-pooled by two, although the code requests none (a name is overwritten);
- the share-source skip is one trained number, initialized as zero; the paper has a convolution;
- a convolution follows the attention in every group, and none follows the last group (it is in the state
  dict, unused, as are a second attention in the non-local module and a number in every group: 38,044
  parameters that no output depends on);
- the first features are added again before the upscaling;
- the covariance comes from a centre crop of at most 1000x1000.

``variant="paper"`` has none of these differences, and keys of its own. A choice that the paper leaves open: the
share-source convolution is 1x1 without bias, initialized as zero and shared by the groups. ``variant="official"``
differs from the official code only where one side is exactly 1000 and the other is shorter (see ``centre_crop``).
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from kukkiri.attention import ChannelAttention, RegionalNonLocal, SecondOrderChannelAttention
from kukkiri.attention.squeeze_excitation import make_gate
from kukkiri.info import JSON
from kukkiri.networks.blocks import (
    MeanShift,
    ResidualBlock,
    StagedUpsampler,
    conv,
    count_blocks,
    infer_upsampler_scale,
    infer_value_range,
    require_shape,
)
from kukkiri.networks.interface import Configuration, Network, PublishedScores

__all__ = ["SAN"]

Attention = Literal["second-order", "first-order", "none"]
Variant = Literal["official", "paper"]


class _Unused(nn.Module):
    """The channel attention that the official non-local module holds and never calls."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_du = make_gate(width, reduction=min(8, width))


class _NonLocal(RegionalNonLocal):
    """Four regions, width // 8 inner features."""

    def __init__(self, width: int, *, official: bool) -> None:
        super().__init__(width, regions=2, inter_channels=max(1, width // 8), sub_sample=official)
        if official:
            self.soca = _Unused(width)


class _Group(nn.Module):
    """x + conv(attention(blocks(x))); without the convolution in the paper's variant."""

    def __init__(self, width: int, blocks: int, attention: nn.Module, *, official: bool) -> None:
        super().__init__()
        if official:
            self.gamma = nn.Parameter(torch.zeros(1))
        self.rcab = nn.Sequential(*(ResidualBlock(width, key="conv_first") for _ in range(blocks)))
        self.soca = attention
        self.conv_last = conv(width, width) if official else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.conv_last(self.soca(self.rcab(x)))
        return residual + x


class SAN(Network):
    """15,712,800 parameters at x2; every output pixel depends on the covariance of the whole input.

    Args:
        scale: 3 or a power of two.
        width: features.
        groups: local-source residual attention groups.
        blocks: residual blocks in a group.
        reduction: the hidden layer of an attention has width // reduction features.
        attention: ``second-order``, ``first-order`` (of the means, the same keys), or ``none``, for comparison.
        variant: ``official`` or ``paper``, see above.
        zero_safe: all-zero features in the covariance give NaN, as in the official code; True gives finite
            numbers and changes no other result.
        upsampling: layer of the tail; only ``sub-pixel`` has the official keys.
        value_range: white, in the units of input and output.
    """

    title = "SAN"
    paper = "Dai et al., CVPR 2019"
    untraced: Mapping[str, str] = {"attention": "second-order in the paper, first-order has the same shapes"}
    keys_source = "daitao/SAN"
    licence = "no licence file (daitao/SAN)"
    configurations = (
        Configuration(
            "SAN",
            {"scale": 4},
            PublishedScores(
                set5={2: 38.31, 3: 34.75, 4: 32.64},
                b100={2: 32.42, 3: 29.33, 4: 27.78},
                source="table in the SwinIR paper",
            ),
        ),
        Configuration("SAN, 2 x 4 blocks of 32", {"scale": 2, "width": 32, "groups": 2, "blocks": 4, "reduction": 8}),
    )
    tiny = (
        {"scale": 2, "width": 16, "groups": 1, "blocks": 1, "reduction": 4},
        {"scale": 3, "width": 16, "groups": 1, "blocks": 1, "attention": "none"},
    )
    # as the authors left them; the bias of phi shifts all logits of a query alike
    unused_keys = r"^conv_last\.|^non_local\.soca\.|^RG\.\d+\.gamma$|non_local\.phi\.0\.bias$"

    receptive_field = None

    def __init__(
        self,
        *,
        scale: int,
        width: int = 64,
        groups: int = 20,
        blocks: int = 10,
        reduction: int = 16,
        attention: Attention = "second-order",
        variant: Variant = "official",
        zero_safe: bool = False,
        upsampling: str = "sub-pixel",
        value_range: float = 255.0,
    ) -> None:
        super().__init__()
        if variant not in ("official", "paper"):
            raise ValueError(f"variant must be 'official' or 'paper', got {variant!r}")
        official = variant == "official"
        self.scale, self.variant, self.value_range = scale, variant, value_range
        if official:
            self.gamma = nn.Parameter(torch.zeros(1))
        self.sub_mean = MeanShift(value_range=value_range, sign=-1, trainable=True)
        self.RG = nn.ModuleList(
            _Group(
                width,
                blocks,
                _make_attention(
                    attention, width, reduction=reduction, crop=1000 if official else None, zero_safe=zero_safe
                ),
                official=official,
            )
            for _ in range(groups)
        )
        self.conv_last = conv(width, width)
        self.add_mean = MeanShift(value_range=value_range, sign=1, trainable=True)
        self.non_local = _NonLocal(width, official=official)
        if not official:
            self.non_local_last = _NonLocal(width, official=False)
            self.share_source = conv(width, width, 1, bias=False)
            nn.init.zeros_(self.share_source.weight)
        self.head = nn.Sequential(conv(3, width))
        self.tail = nn.Sequential(StagedUpsampler(width, scale=scale, upsampling=upsampling), conv(width, 3))

    def forward(self, lr: Tensor) -> Tensor:
        """Map lr (N, 3, H, W) in [0, value_range] to sr (N, 3, scale*H, scale*W), not clamped.

        Raises:
            ImageError: a side is shorter than 4 pixels (2 in the paper's variant).
        """
        first = self.head(self.sub_mean(lr))
        source = self.non_local(first)
        features = source
        if self.variant == "official":
            for group in self.RG:
                features = group(features) + self.gamma * source
            features = self.non_local(features) + first
        else:
            shared = self.share_source(source)
            for group in self.RG:
                features = group(features) + shared
            features = self.non_local_last(self.conv_last(features))
        sr: Tensor = self.add_mean(self.tail(features))
        return sr

    @classmethod
    def list_untraced(cls, arguments: Mapping[str, JSON]) -> Mapping[str, str]:
        """Without attention there are no tensors of it."""
        return {} if arguments.get("attention") == "none" else cls.untraced

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer all arguments; first and second order have the same shapes, and second order is assumed."""
        width = require_shape(state, "head.0.weight", network="san")[0]
        require_shape(state, "non_local.non_local.theta.weight", network="san")
        hidden = state.get("RG.0.soca.conv_du.0.weight")
        arguments: dict[str, JSON] = {
            "scale": infer_upsampler_scale(state, "tail.0.", network="san"),
            "width": width,
            "groups": count_blocks(state, "RG."),
            "blocks": count_blocks(state, "RG.0.rcab."),
            "variant": "official" if "gamma" in state else "paper",
            "value_range": infer_value_range(state, network="san"),
        }
        return arguments | ({"attention": "none"} if hidden is None else {"reduction": width // hidden.shape[0]})


def _make_attention(
    kind: Attention, width: int, *, reduction: int, crop: int | None, zero_safe: bool
) -> SecondOrderChannelAttention | ChannelAttention | nn.Identity:
    if kind == "second-order":
        return SecondOrderChannelAttention(width, reduction=reduction, crop=crop, zero_safe=zero_safe)
    if kind == "first-order":
        return ChannelAttention(width, reduction=reduction)
    if kind == "none":
        return nn.Identity()
    raise ValueError(f"attention must be 'second-order', 'first-order' or 'none', got {kind!r}")
