"""MetaPlain: the plain network for every scale, whose last filters are computed from the position of an output pixel.

Ours; Meta-SR's last layer (Hu et al., CVPR 2019, arXiv:1903.00875) on a body of plain convolutions. Output pixel i
reads the features around floor(i / scale) with filters made from 1 / scale and the fraction of i / scale, and adds the
LR pixel there. Positions are computed with whole numbers: at 2.7 = 27 / 10 they repeat after 27 pixels, and so do the
filters, which are computed once for each of the 27 x 27 positions.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from kukkiri.info import JSON
from kukkiri.networks.blocks import conv, count_blocks, require_positive, require_shape
from kukkiri.networks.interface import Configuration, Network
from kukkiri.networks.plain import Plain, initialize_convolutions

__all__ = ["MetaPlain"]

_CHUNK = 1 << 24
"""Numbers in the patches of features that are held at once, 64 MB in float32."""
_FINEST = 1000
"""Largest denominator of a scale."""


@dataclass(frozen=True, eq=False)
class _Origins:
    """The LR pixels of output pixels along an axis."""

    pixels: Tensor
    """Index of the LR pixel of each."""
    slots: Tensor
    """Index among the slots of all LR pixels, ceil(scale) for each."""

    @classmethod
    def of(cls, length: int, ratio: Fraction, *, device: torch.device) -> "_Origins":
        """Compute them for an axis of ``length`` LR pixels."""
        p, q = ratio.numerator, ratio.denominator
        outputs = torch.arange(length * p // q, device=device)
        pixels = outputs * q // p
        return cls(pixels, pixels * math.ceil(ratio) + outputs - -(-pixels * p // q))


class MetaPlain(Network):
    """210,739 parameters in RGB with 48 features and 7 layers; receptive field: depth + 1 LR pixels to each side.

    Args:
        scale: default of the forward; one model serves every scale.
        colour: ``rgb`` or ``y``.
        width: features.
        depth: convolutions, at least 1.
        hidden: features of the network that computes the filters.
    """

    title = "MetaPlain"
    paper = "ours; after Hu et al., Meta-SR, CVPR 2019, arXiv:1903.00875"
    keys_source = "own"
    licence = "Apache-2.0"
    configurations = (Configuration("MetaPlain", {"scale": 2}),)
    tiny = (
        {"scale": 3, "width": 4, "depth": 2, "hidden": 3},
        {"scale": 2, "width": 4, "depth": 1, "hidden": 3, "colour": "y"},
    )

    adds_input = True
    fractional_scales = True

    def __init__(
        self,
        *,
        scale: int = 2,
        colour: Literal["y", "rgb"] = "rgb",
        width: int = 48,
        depth: int = 7,
        hidden: int = 64,
    ) -> None:
        super().__init__()
        require_positive(scale=scale, width=width, depth=depth, hidden=hidden)
        self.scale = scale
        self.colour = colour
        self.receptive_field = depth + 1
        self.body = nn.ModuleList(conv(width if i else self.channels, width) for i in range(depth))
        self.filters = nn.Sequential(
            nn.Linear(3, hidden), nn.ReLU(), nn.Linear(hidden, (9 * width + 1) * self.channels)
        )
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Initialize the body as identity plus half of Kaiming's, as Plain's, and filters that are nearly zero."""
        initialize_convolutions(self.body)
        for parameter in self.filters[2].parameters():
            parameter.mul_(0.1)

    def forward(self, lr: Tensor, *, scale: float | None = None) -> Tensor:
        """Map lr (N, C, H, W) in [0, 1] to sr (N, C, floor(scale*H), floor(scale*W)), not clamped.

        Args:
            lr: the images.
            scale: at least 1, a fraction with a denominator up to 1000; by default that of the constructor.
        """
        x = lr
        for layer in self.body:
            x = functional.relu(layer(x))
        ratio = Fraction(self.scale if scale is None else scale).limit_denominator(_FINEST)
        return self._upscale(x, lr, ratio=ratio)

    def _upscale(self, features: Tensor, lr: Tensor, *, ratio: Fraction) -> Tensor:
        """Filter the 3x3 features around the origin of each output pixel, and add the LR pixel there.

        LR pixel i is the origin of at most ceil(scale) output rows, and so of columns: one matrix product for each of
        the q x q places of LR in a period of scale p / q computes all of them.
        """
        n, _, height, width = features.shape
        q = ratio.denominator
        rows, columns = (_Origins.of(length, ratio, device=lr.device) for length in (height, width))
        weights, offsets = self._make_slot_filters(ratio, like=features)
        padded = functional.pad(features, (1, 1 + -width % q, 1, 1 + -height % q))
        periods = -(-height // q)
        at_once = max(1, _CHUNK // max(1, n * weights.shape[2] * q * (width + q)))
        bands = [
            self._filter_band(padded[:, :, q * first : q * min(first + at_once, periods) + 2], weights, offsets, q=q)
            for first in range(0, periods, at_once)
        ]
        slots = torch.cat(bands, dim=2)
        return slots[:, :, rows.slots][..., columns.slots] + lr[:, :, rows.pixels][..., columns.pixels]

    def _filter_band(self, features: Tensor, weights: Tensor, offsets: Tensor, *, q: int) -> Tensor:
        """Map some periods of features, with one pixel around them, to all slots of their rows, (N, C, rows, columns).

        Args:
            features: (N, width, q*R + 2, q*S + 2).
            weights: (q, q, 9*width, C*m*m), see :meth:`_make_slot_filters`.
            offsets: (q, q, 1, C*m*m).
            q: LR pixels in a period.
        """
        n = len(features)
        height, width = (side - 2 for side in features.shape[-2:])
        m = math.isqrt(weights.shape[-1] // self.channels)
        patches = functional.unfold(features, 3).reshape(n, -1, height // q, q, width // q, q)
        patches = patches.permute(3, 5, 0, 2, 4, 1).reshape(q * q, -1, patches.shape[1])
        made = torch.baddbmm(offsets.flatten(0, 1), patches, weights.flatten(0, 1))
        made = made.reshape(q, q, n, height // q, width // q, self.channels, m, m)
        return made.permute(2, 5, 3, 0, 6, 4, 1, 7).reshape(n, self.channels, height * m, width * m)

    def _make_slot_filters(self, ratio: Fraction, *, like: Tensor) -> tuple[Tensor, Tensor]:
        """Arrange the filters by the LR pixel in a period: (q, q, 9*width, C*m*m), and biases (q, q, 1, C*m*m)."""
        p, q, m = ratio.numerator, ratio.denominator, math.ceil(ratio)
        weights, offsets = self._make_filters(ratio, like=like)
        first = torch.arange(q, device=like.device)[:, None] * p
        positions = (-(-first // q) + torch.arange(m, device=like.device)) % p  # of slots that no output pixel has, any
        at = (positions[:, :, None, None], positions)
        # from (row, slot, column, slot, feature and tap, channel)
        arranged = weights[at].permute(0, 2, 4, 5, 1, 3).reshape(q, q, -1, self.channels * m * m)
        return arranged, offsets[at].permute(0, 2, 4, 1, 3).reshape(q, q, 1, -1)

    def _make_filters(self, ratio: Fraction, *, like: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the filters (P, P, 9 * width, C) and biases (P, P, C) of the P x P positions of a period."""
        period = ratio.numerator
        places = torch.arange(period, device=like.device) * ratio.denominator % period
        fractions = places.to(like.dtype) / period
        grid = torch.stack(torch.meshgrid(fractions, fractions, indexing="ij"), dim=-1)
        inverse = torch.full_like(grid[..., :1], float(1 / ratio))
        made = self.filters(torch.cat((inverse, grid), dim=-1)).reshape(period, period, -1, self.channels)
        return made[:, :, :-1], made[:, :, -1]

    @torch.no_grad()
    def plain_at(self, scale: int) -> Plain:
        """Return the Plain that computes the same at a whole scale: its head holds the filters of all positions."""
        width, depth = self.body[0].get_parameter("weight").shape[0], len(self.body)
        plain = Plain(scale=scale, colour=self.colour, width=width, depth=depth)
        plain.body.load_state_dict(self.body.state_dict())
        weights, offsets = self._make_filters(Fraction(scale), like=plain.head.weight)
        # from (row, column, feature and tap, channel) to the order of pixel_shuffle: channel, row, column
        head = weights.permute(3, 0, 1, 2).reshape(-1, width, 3, 3)
        plain.head.load_state_dict({"weight": head, "bias": offsets.permute(2, 0, 1).flatten()})
        return plain.train(self.training)

    def shift_input(self, centre: float) -> dict[str, Tensor]:
        """See :meth:`Network.shift_input`; the LR pixel that is added restores the mean."""
        first = self.body[0]
        weight, bias = first.get_parameter("weight"), first.get_parameter("bias")
        return {"body.0.bias": bias - centre * weight.sum((1, 2, 3))}

    @classmethod
    def list_scales(cls, arguments: Mapping[str, JSON]) -> tuple[int, ...] | None:
        """Every scale: the filters are computed from it."""
        return None

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer all arguments but the scale, which leaves no trace."""
        width, channels, *_ = require_shape(state, "body.0.weight", network="metaplain")
        return {
            "colour": "y" if channels == 1 else "rgb",
            "width": width,
            "depth": count_blocks(state, "body."),
            "hidden": require_shape(state, "filters.0.weight", network="metaplain")[0],
        }
