"""ETDS: a plain 3x3 network for inference, trained as two streams, one of which carries the image itself.

Chao et al., "Equivalent Transformation and Dual Stream Network Construction for Mobile Image Super-Resolution",
CVPR 2023. Keys of ECNUSR/ETDS, both of the training form and of the deployed one. The backbone x and the residual
stream r, which begins as a copy of the image behind kernels that are deltas (no pixel is negative, so that a ReLU
leaves it unchanged), run side by side:

    x(0) = relu(F lr)                r(0) = relu(F' lr)
    x(i+1) = relu(B x(i) + A r(i))   r(i+1) = relu(R r(i))
    sr = shuffle(L x + L' r)

With the features (x, r) each step is one 3x3 convolution with the kernel [[B, A], [0, R]], the last has (L, L'). Both
forms here run these kernels; the training form assembles them from its parts at every step, differentiably.

The authors train with |sr - hr| + 0.5 |shuffle(L' r) - hr|, the second term being the interpolation loss, and keep the
residual stream at its initialization (nearest-pixel upscaling) for the first 100,000 of 1,600,000 steps: a step
function finds the two outputs in :meth:`ETDS.streams` and these parameters in :meth:`ETDS.residual_parameters`.

Differs from the code: the deployed form does not clip. Theirs ends with two more ReLUs, 1 - relu(1 - relu(1 - y)), the
first folded into ``conv_last``, the second 1x1 (``conv_clip``); ``clip`` builds that, at x3 with the unused 28th
channel of their files. Their "Plain" network is the deployed form without it.
"""

from collections.abc import Iterator, Mapping
from math import isqrt
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from kukkiri.errors import ModelError
from kukkiri.info import JSON
from kukkiri.networks.blocks import conv, count_blocks, require_shape
from kukkiri.networks.interface import Configuration, Network, PublishedScores

__all__ = ["ETDS"]

_TABLE = "the paper's Table 2, in the repository of the authors"

Kernel = tuple[Tensor, Tensor]
"""Weight and bias of a convolution."""


class ETDS(Network):
    """59,852 parameters at x2 when deployed (M6C32), 55,340 in training; receptive field: depth + 2 LR pixels.

    Args:
        scale: at least 1.
        colour: ``rgb`` as in the paper, or ``y``.
        width: features of both streams together.
        depth: convolutions between the first and the last.
        residual_width: features of the residual stream, at least the colours; nothing in the deployed form.
        deployed: one stream of plain convolutions.
        clip: the deployed form of the authors' files, whose output is limited to [0, 1].
    """

    title = "ETDS"
    paper = "Chao et al., CVPR 2023"
    keys_source = "ECNUSR/ETDS"
    licence = "Apache-2.0 (ECNUSR/ETDS), weights included"
    configurations = (
        Configuration("ETDS-M, training", {"scale": 4}),
        Configuration(
            "ETDS-T, deployed",
            {"scale": 4, "width": 16, "depth": 5, "deployed": True},
            PublishedScores(set5={2: 37.18}, source=_TABLE),
        ),
        Configuration(
            "ETDS-S, deployed",
            {"scale": 4, "depth": 4, "deployed": True},
            PublishedScores(set5={2: 37.38}, source=_TABLE),
        ),
        Configuration(
            "ETDS-M, deployed",
            {"scale": 4, "deployed": True},
            PublishedScores(set5={2: 37.54, 3: 33.65, 4: 31.41}, source=_TABLE),
        ),
        Configuration(
            "ETDS-L, deployed",
            {"scale": 4, "width": 48, "depth": 7, "deployed": True},
            PublishedScores(set5={2: 37.64, 3: 33.88, 4: 31.69}, source=_TABLE),
        ),
    )
    tiny = (
        {"scale": 2, "width": 6, "depth": 2},
        {"scale": 3, "width": 4, "depth": 1, "colour": "y", "residual_width": 1},
        {"scale": 3, "width": 5, "depth": 2, "deployed": True},
        {"scale": 2, "width": 4, "depth": 1, "deployed": True, "clip": True},
    )
    deployed_arguments: ClassVar[Mapping[str, JSON]] = {"deployed": True}

    def __init__(
        self,
        *,
        scale: int = 2,
        colour: Literal["y", "rgb"] = "rgb",
        width: int = 32,
        depth: int = 6,
        residual_width: int = 3,
        deployed: bool = False,
        clip: bool = False,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.colour = colour
        self.receptive_field = depth + 2
        self.is_deployed = deployed
        self.clip = clip
        self.arguments: dict[str, JSON] = {"scale": scale, "colour": colour, "width": width, "depth": depth}
        self.arguments |= {"residual_width": residual_width, "clip": clip}
        if scale < 1:
            raise ValueError(f"scale must be at least 1, got {scale}")
        if clip and not deployed:
            raise ValueError("clip belongs to the deployed form, got deployed=False")
        if not deployed and not self.channels <= residual_width < width:
            raise ValueError(f"residual_width must be at least {self.channels} and below {width}, got {residual_width}")
        outputs = self.channels * scale**2
        outputs += int(clip and scale == 3)
        features = width if deployed else width - residual_width
        self.conv_first = conv(self.channels, features)
        self.backbone_convs = nn.ModuleList(conv(features, features) for _ in range(depth))
        self.conv_last = conv(features, outputs)
        if clip:
            self.conv_clip = conv(outputs, outputs, 1)
        if not deployed:
            self._add_residual_stream(features, residual_width, depth=depth)

    def _add_residual_stream(self, features: int, width: int, *, depth: int) -> None:
        """Add the second stream, as nearest-pixel upscaling that the backbone does not read yet."""
        outputs = self.conv_last.out_channels
        self.conv_residual_first = conv(self.channels, width)
        self.residual_convs = nn.ModuleList(conv(width, width) for _ in range(depth))
        self.add_residual_convs = nn.ModuleList(conv(width, features) for _ in range(depth))
        self.conv_residual_last = conv(width, outputs)
        with torch.no_grad():
            for parameter in self.residual_parameters():
                parameter.zero_()
            for layer in (self.conv_residual_first, *self.residual_convs):
                nn.init.dirac_(layer.weight)
            for phase in range(self.scale**2):
                for colour in range(self.channels):
                    self.conv_residual_last.weight[colour * self.scale**2 + phase, colour, 1, 1] = 1.0

    def residual_parameters(self) -> Iterator[nn.Parameter]:
        """The parameters of the residual stream, which the authors freeze at first; none in the deployed form."""
        return (parameter for name, parameter in self.named_parameters() if "residual" in name)

    def forward(self, lr: Tensor) -> Tensor:
        """Map lr (N, C, H, W) in [0, 1] to sr (N, C, scale*H, scale*W), not clamped but with ``clip``."""
        *body, last = self._list_kernels()
        y = functional.conv2d(self._run(lr, body), *last, padding=1)
        if self.clip:
            y = functional.relu(self.conv_clip(functional.relu(y)))
            y = y[:, : self.channels * self.scale**2]
        return functional.pixel_shuffle(y, self.scale)

    def streams(self, lr: Tensor) -> tuple[Tensor, Tensor]:
        """Compute sr and the part of it that the residual stream gives, for the interpolation loss.

        Raises:
            ValueError: the deployed form, which has one stream.
        """
        if self.is_deployed:
            raise ValueError("the deployed form has one stream; expected the training form")
        *body, last = self._list_kernels()
        features = self._run(lr, body)
        residual = self.conv_residual_last(features[:, -self.conv_residual_last.in_channels :])
        y = functional.conv2d(features, *last, padding=1)
        return functional.pixel_shuffle(y, self.scale), functional.pixel_shuffle(residual, self.scale)

    @staticmethod
    def _run(x: Tensor, kernels: list[Kernel]) -> Tensor:
        for weight, bias in kernels:
            x = functional.relu(functional.conv2d(x, weight, bias, padding=1))
        return x

    def _list_kernels(self) -> list[Kernel]:
        """List the convolutions of the deployed form from the first to the last; differentiable."""
        names = ["conv_first", *(f"backbone_convs.{i}" for i in range(len(self.backbone_convs))), "conv_last"]
        backbone = [self._get(name) for name in names]
        if self.is_deployed:
            return backbone
        (first_weight, first_bias), *middle, (last_weight, last_bias) = backbone
        residual_weight, residual_bias = self._get("conv_residual_first")
        kernels = [(torch.cat([first_weight, residual_weight]), torch.cat([first_bias, residual_bias]))]
        for i, (weight, bias) in enumerate(middle):
            added, kept = self._get(f"add_residual_convs.{i}"), self._get(f"residual_convs.{i}")
            nothing = weight.new_zeros(len(kept[0]), *weight.shape[1:])
            upper, lower = torch.cat([weight, added[0]], dim=1), torch.cat([nothing, kept[0]], dim=1)
            kernels.append((torch.cat([upper, lower]), torch.cat([bias + added[1], kept[1]])))
        residual_weight, residual_bias = self._get("conv_residual_last")
        return [*kernels, (torch.cat([last_weight, residual_weight], dim=1), last_bias + residual_bias)]

    def _get(self, name: str) -> Kernel:
        layer = self.get_submodule(name)  # get_parameter refuses what functional_call puts in place of parameters
        if not isinstance(layer, nn.Conv2d) or layer.bias is None:
            raise TypeError(f"expected a convolution with a bias, got {type(layer).__name__}")
        return layer.weight, layer.bias

    @torch.no_grad()
    def deployed(self) -> "ETDS":
        """Return the same network as one stream; the deployed form itself, if it is one."""
        if self.is_deployed:
            return self
        plain = ETDS(**{**self.arguments, **self.deployed_arguments})  # type: ignore[arg-type]  # they are JSON to mypy
        plain.to(device=self.conv_first.weight.device, dtype=self.conv_first.weight.dtype).train(self.training)
        for target, source in zip(plain._list_kernels(), self._list_kernels(), strict=True):
            for parameter, value in zip(target, source, strict=True):
                parameter.copy_(value)
        return plain

    def shift_input(self, centre: float) -> dict[str, Tensor]:
        """See :meth:`Network.shift_input`: refused, since the residual stream needs pixels that are not negative."""
        if self.is_deployed and not self.clip:
            return super().shift_input(centre)
        raise ValueError("ReLUs on the image itself need pixels that are not negative: train etds without centring")

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer all arguments."""
        features, channels, *_ = require_shape(state, "conv_first.weight", network="etds")
        outputs = require_shape(state, "conv_last.weight", network="etds")[0]
        clip, deployed = "conv_clip.weight" in state, "conv_residual_first.weight" not in state
        scale = isqrt(outputs // channels)
        if channels not in (1, 3) or outputs != channels * scale**2 + int(clip and scale == 3):
            raise ModelError(f"not a state dict of etds: {outputs} output channels for {channels} input channels.")
        residual = 0 if deployed else require_shape(state, "conv_residual_first.weight", network="etds")[0]
        arguments: dict[str, JSON] = {
            "scale": scale,
            "colour": "y" if channels == 1 else "rgb",
            "width": features + residual,
            "depth": count_blocks(state, "backbone_convs."),
            "deployed": deployed,
            "clip": clip,
        }
        return arguments if deployed else {**arguments, "residual_width": residual}
