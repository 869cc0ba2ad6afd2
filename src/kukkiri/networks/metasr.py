"""Meta-SR: one network for every scale, whose last filters are computed from the position of each output pixel.

Hu et al., "Meta-SR: A Magnification-Arbitrary Network for Super-Resolution", CVPR 2019, arXiv:1903.00875.
Keys of XuecaiHu/Meta-SR-Pytorch (``MetaRDN``). Output pixel i reads the features around floor(i / scale) with
filters made from 1 / scale and the fraction of i / scale; positions are not centred on half pixels, as in the paper.
Differs from the paper: nothing known. The authors' code upscales by the ceiling of the scale and masks; this computes
only the pixels that remain.
"""

from collections.abc import Mapping
from math import floor

import torch
from torch import Tensor, nn
from torch.nn import functional

from kukkiri.info import JSON
from kukkiri.networks.blocks import MeanShift, conv, count_blocks, require_shape
from kukkiri.networks.interface import Configuration, Network

__all__ = ["MetaRDN"]

_HIDDEN = 256
"""Hidden features of the network that computes the filters."""
_CHUNK = 1 << 24
"""Numbers in the filters that are held at once, 64 MB in float32."""


class _Layer(nn.Module):
    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(conv(inputs, growth), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((x, self.conv(x)), dim=1)


class _DenseBlock(nn.Module):
    def __init__(self, width: int, growth: int, layers: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(*(_Layer(width + i * growth, growth) for i in range(layers)))
        self.LFF = conv(width + layers * growth, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.LFF(self.convs(x))
        return residual + x


class _Filters(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.meta_block = nn.Sequential(nn.Linear(3, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, 9 * width * 3))

    def forward(self, positions: Tensor) -> Tensor:
        filters: Tensor = self.meta_block(positions)
        return filters


class MetaRDN(Network):
    """22,419,096 parameters; receptive field: 132 LR pixels to each side.

    Args:
        scale: default of the forward; one model serves every scale.
        width: features between the dense blocks.
        growth: features that a convolution in a dense block adds.
        depth: dense blocks.
        layers: convolutions in each.
    """

    title = "Meta-RDN"
    paper = "Hu et al., Meta-SR, CVPR 2019, arXiv:1903.00875"
    keys_source = "XuecaiHu/Meta-SR-Pytorch"
    licence = "no licence file (XuecaiHu/Meta-SR-Pytorch)"
    configurations = (Configuration("Meta-RDN", {"scale": 4}),)
    tiny = ({"scale": 3, "width": 2, "growth": 2, "depth": 1, "layers": 2},)

    value_range = 255.0
    fractional_scales = True

    def __init__(self, *, scale: int = 2, width: int = 64, growth: int = 64, depth: int = 16, layers: int = 8) -> None:
        super().__init__()
        self.scale = scale
        self.receptive_field = 2 + depth * layers + 1 + 1
        self.sub_mean = MeanShift(value_range=255.0, sign=-1)
        self.add_mean = MeanShift(value_range=255.0, sign=1)
        self.SFENet1 = conv(3, width)
        self.SFENet2 = conv(width, width)
        self.RDBs = nn.ModuleList(_DenseBlock(width, growth, layers) for _ in range(depth))
        self.GFF = nn.Sequential(conv(depth * width, width, 1), conv(width, width))
        self.P2W = _Filters(width)

    def forward(self, lr: Tensor, *, scale: float | None = None) -> Tensor:
        """Map lr (N, 3, H, W) on 0..255 to sr (N, 3, floor(scale*H), floor(scale*W)), not clamped.

        Args:
            lr: RGB.
            scale: at least 1, not necessarily whole; by default that of the constructor.
        """
        wanted = float(self.scale if scale is None else scale)
        sr: Tensor = self.add_mean(self._upscale(self._features(lr), scale=wanted))
        return sr

    def _features(self, lr: Tensor) -> Tensor:
        first = self.SFENet1(self.sub_mean(lr))
        x, outputs = self.SFENet2(first), []
        for block in self.RDBs:
            x = block(x)
            outputs.append(x)
        features: Tensor = self.GFF(torch.cat(outputs, dim=1)) + first
        return features

    def _upscale(self, features: Tensor, *, scale: float) -> Tensor:
        """Filter the 3x3 features around the origin of each output pixel with the filters for its offset."""
        n, c, height, width = features.shape
        out_height, out_width = floor(scale * height), floor(scale * width)
        patches = functional.unfold(features, 3, padding=1).reshape(n, 9 * c, height, width)
        (rows, down), (columns, across) = (
            self._project(length, scale=scale, like=features) for length in (out_height, out_width)
        )
        at_once = max(1, _CHUNK // (out_width * 9 * c * 3))
        bands = []
        for top in range(0, out_height, at_once):
            band = slice(top, top + at_once)
            offsets = torch.stack(torch.meshgrid(down[band], across, indexing="ij"), dim=-1)
            inverse = torch.full_like(offsets[..., :1], 1.0 / scale)
            filters = self.P2W(torch.cat((inverse, offsets), dim=-1))
            filters = filters.reshape(*offsets.shape[:2], 9 * c, 3)
            seen = patches[:, :, rows[band]][..., columns]
            bands.append(torch.einsum("nkyx,yxkc->ncyx", seen, filters))
        return torch.cat(bands, dim=2)

    @staticmethod
    def _project(length: int, *, scale: float, like: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the origin of each output pixel of a side, and its offset from the origin, in LR pixels."""
        position = torch.arange(length, dtype=like.dtype, device=like.device) * (1.0 / scale)
        origin = position.floor()
        return origin.long(), position - origin

    @classmethod
    def list_scales(cls, arguments: Mapping[str, JSON]) -> tuple[int, ...] | None:
        """Every scale: the filters are computed from it."""
        return None

    def shift_input(self, centre: float) -> dict[str, Tensor]:
        """See :meth:`Network.shift_input`: the mean shifts are the first and the last layer."""
        first, last = self.sub_mean, self.add_mean
        if first.bias is None or last.bias is None:
            raise ValueError("a mean shift has no bias")
        return {"sub_mean.bias": first.bias - centre, "add_mean.bias": last.bias + centre}

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer all arguments but the scale, which leaves no trace."""
        require_shape(state, "P2W.meta_block.2.weight", network="metardn")
        return {
            "width": require_shape(state, "SFENet1.weight", network="metardn")[0],
            "growth": require_shape(state, "RDBs.0.convs.0.conv.0.weight", network="metardn")[0],
            "depth": count_blocks(state, "RDBs."),
            "layers": count_blocks(state, "RDBs.0.convs."),
        }
