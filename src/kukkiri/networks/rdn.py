"""RDN: residual dense blocks, whose outputs are all fused before the upscaling.

Zhang et al., "Residual Dense Network for Image Super-Resolution", CVPR 2018, arXiv:1802.08797; keys of the
port in EDSR-PyTorch.
Differs from the paper: nothing in the layers. The Torch original subtracts DIV2K's mean outside the network,
this port does not.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from kukkiri.errors import ModelError
from kukkiri.info import JSON
from kukkiri.networks.blocks import conv, count_blocks, factor_scale, rename_keys, require_shape
from kukkiri.networks.interface import Configuration, Network, PublishedScores
from kukkiri.networks.receptive_field import Layer, compute_receptive_field, list_upscaling_layers

__all__ = ["RDN", "rdn_from_yjn870"]


class _DenseLayer(nn.Module):
    def __init__(self, inputs: int, growth: int, kernel_size: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(conv(inputs, growth, kernel_size), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((x, self.conv(x)), dim=1)


class _DenseBlock(nn.Module):
    """Dense layers, fused by a 1x1 convolution and added to the input."""

    def __init__(self, width: int, growth: int, layers: int, kernel_size: int) -> None:
        super().__init__()
        inputs = (width + index * growth for index in range(layers))
        self.convs = nn.Sequential(*(_DenseLayer(count, growth, kernel_size) for count in inputs))
        self.LFF = conv(width + layers * growth, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        fused: Tensor = self.LFF(self.convs(x))
        return fused + x


class RDN(Network):
    """22,123,395 parameters at x2; receptive field: depth * layers + 5 LR pixels to each side with 3x3 kernels.

    Args:
        scale: 2, 3 or 4.
        colour: ``rgb``, or ``y``.
        width: features between blocks, G0.
        depth: blocks, D.
        layers: convolutions in a block, C.
        growth: features that each of them adds, G.
        kernel_size: of all but the fusing convolutions, odd.
        value_range: white, in the units of input and output; the layers do not depend on it.
    """

    title = "RDN"
    paper = "Zhang et al., CVPR 2018, arXiv:1802.08797"
    keys_source = "EDSR-PyTorch, yjn870/RDN-pytorch"
    licence = "MIT (EDSR-PyTorch, yjn870/RDN-pytorch)"
    configurations = (
        Configuration(
            "RDN",
            {"scale": 4},
            PublishedScores(
                set5={2: 38.24, 3: 34.71, 4: 32.47},
                b100={2: 32.34, 3: 29.26, 4: 27.72},
                source="table in yulunzhang/RCAN, Figs/psnr_bi_1 to 3",
            ),
        ),
    )
    untraced: Mapping[str, str] = {"value_range": "255 in EDSR-PyTorch, 1 in yjn870/RDN-pytorch"}
    tiny = (
        {"scale": 2, "width": 4, "depth": 2, "layers": 2, "growth": 4},
        {"scale": 3, "width": 4, "depth": 1, "layers": 2, "growth": 4},
    )

    def __init__(
        self,
        *,
        scale: int,
        colour: Literal["y", "rgb"] = "rgb",
        width: int = 64,
        depth: int = 16,
        layers: int = 8,
        growth: int = 64,
        kernel_size: int = 3,
        value_range: float = 255.0,
    ) -> None:
        super().__init__()
        if scale not in (2, 3, 4):
            raise ValueError(f"scale must be 2, 3 or 4, got {scale}")
        self.scale = scale
        self.colour = colour
        self.value_range = value_range
        radius = kernel_size // 2
        tail_layers = [*list_upscaling_layers(factor_scale(scale), kernel_size=kernel_size), Layer(kernel_size)]
        self.receptive_field = radius * (depth * layers + 3) + compute_receptive_field(tail_layers)
        self.SFENet1 = conv(self.channels, width, kernel_size)
        self.SFENet2 = conv(width, width, kernel_size)
        self.RDBs = nn.ModuleList(_DenseBlock(width, growth, layers, kernel_size) for _ in range(depth))
        self.GFF = nn.Sequential(conv(depth * width, width, 1), conv(width, width, kernel_size))
        stages: list[nn.Module] = []
        features = width
        for factor in factor_scale(scale):
            stages += [conv(features, growth * factor**2, kernel_size), nn.PixelShuffle(factor)]
            features = growth
        self.UPNet = nn.Sequential(*stages, conv(features, self.channels, kernel_size))

    def forward(self, lr: Tensor) -> Tensor:
        """Map lr (N, C, H, W) in [0, value_range] to sr (N, C, scale*H, scale*W), not clamped."""
        first = self.SFENet1(lr)
        features, outputs = self.SFENet2(first), []
        for block in self.RDBs:
            features = block(features)
            outputs.append(features)
        sr: Tensor = self.UPNet(self.GFF(torch.cat(outputs, dim=1)) + first)
        return sr

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer all arguments but the value range, which leaves no trace and is 255 as in the port."""
        width, channels, kernel_size, _ = require_shape(state, "SFENet1.weight", network="rdn")
        growth = require_shape(state, "RDBs.0.convs.0.conv.0.weight", network="rdn")[0]
        stages, outputs = _count_stages(state), require_shape(state, "UPNet.0.weight", network="rdn")[0]
        if outputs not in (4 * growth, 9 * growth):
            raise ModelError(
                f"not a state dict of rdn: 'UPNet.0.weight' has {outputs} outputs, "
                f"expected {4 * growth} (stage of x2) or {9 * growth} (x3)."
            )
        return {
            "scale": 3 if outputs == 9 * growth else 2**stages,
            "colour": "y" if channels == 1 else "rgb",
            "width": width,
            "depth": count_blocks(state, "RDBs."),
            "layers": count_blocks(state, "RDBs.0.convs."),
            "growth": growth,
            "kernel_size": kernel_size,
        }


def _count_stages(state: Mapping[str, Tensor]) -> int:
    """Count the stages of ``UPNet``: its convolutions but the last."""
    return sum(f"UPNet.{index}.weight" in state for index in (0, 2, 4)) - 1


def rdn_from_yjn870(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the keys of yjn870/RDN-pytorch; same forward where its growth equals its width, on [0, 1].

    ``sfe1``, ``sfe2``, ``rdbs.d.layers.c.conv``, ``rdbs.d.lff``, ``gff``, ``upscale.i`` and ``output`` are
    ``SFENet1``, ``SFENet2``, ``RDBs.d.convs.c.conv.0``, ``RDBs.d.LFF``, ``GFF``, ``UPNet.i`` and the last of
    ``UPNet``. Construct with ``value_range=1.0``.
    """
    last = 2 * sum(f"upscale.{index}.weight" in state for index in (0, 2))
    rules = [
        (r"sfe(\d)\.", r"SFENet\1."),
        (r"rdbs\.(\d+)\.layers\.(\d+)\.conv\.", r"RDBs.\1.convs.\2.conv.0."),
        (r"rdbs\.(\d+)\.lff\.", r"RDBs.\1.LFF."),
        (r"gff\.", "GFF."),
        (r"upscale\.", "UPNet."),
        (r"output\.", f"UPNet.{last}."),
    ]
    return rename_keys(state, rules)
