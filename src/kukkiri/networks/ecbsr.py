"""ECBSR: a plain network for inference, trained with edge-oriented branches parallel to every convolution.

Zhang et al., "Edge-oriented Convolution Block for Real-time Super Resolution on Mobile Devices", ACM MM 2021.
Keys of xindongzhang/ECBSR. Every block is a sum of linear branches, so it is exactly one 3x3 convolution:
:meth:`ECBSR.deployed` returns that plain network, whose keys are ``backbone.{i}.conv3x3`` and ``backbone.{i}.act``.
Differs from the paper: RGB is possible (each channel is repeated for its sub-pixels, where the code would
fail); ``value_range`` is 1.0 by default (the authors train on luma in 0..255).
"""

from collections.abc import Mapping
from math import isqrt
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from kukkiri.errors import ModelError
from kukkiri.info import JSON
from kukkiri.networks.blocks import conv, count_blocks, require_shape
from kukkiri.networks.interface import Configuration, Network

__all__ = ["ECBSR"]

_EDGES = {
    "sbx": ((1.0, 0.0, -1.0), (2.0, 0.0, -2.0), (1.0, 0.0, -1.0)),
    "sby": ((1.0, 2.0, 1.0), (0.0, 0.0, 0.0), (-1.0, -2.0, -1.0)),
    "lpl": ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0)),
}
"""Sobel filters along the rows and the columns, and the Laplacian."""


def _require_parameters(layer: nn.Conv2d) -> tuple[Tensor, Tensor]:
    if layer.bias is None:
        raise ValueError("expected a convolution with a bias")
    return layer.weight, layer.bias


def _convolve_after_pointwise(
    x: Tensor, weight: Tensor, bias: Tensor, *, kernel: Tensor, kernel_bias: Tensor
) -> Tensor:
    """Compute a 1x1 convolution, a border of its bias (its output for zeros), then a 3x3 one without padding."""
    inner = functional.conv2d(x, weight)
    padded = functional.pad(inner, (1, 1, 1, 1)) + bias.view(1, -1, 1, 1)
    groups = kernel.shape[0] if kernel.shape[1] == 1 != padded.shape[1] else 1
    return functional.conv2d(padded, kernel, kernel_bias, groups=groups)


class _Wide(nn.Module):
    """A 1x1 convolution to twice the features, then a 3x3 one."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        first, second = nn.Conv2d(inputs, 2 * outputs, 1), nn.Conv2d(2 * outputs, outputs, 3)
        self.k0, self.b0 = _require_parameters(first)
        self.k1, self.b1 = _require_parameters(second)

    def forward(self, x: Tensor) -> Tensor:
        return _convolve_after_pointwise(x, self.k0, self.b0, kernel=self.k1, kernel_bias=self.b1)

    def fold(self) -> tuple[Tensor, Tensor]:
        weight = torch.einsum("omyx,mi->oiyx", self.k1, self.k0[:, :, 0, 0])
        return weight, self.b1 + torch.einsum("omyx,m->o", self.k1, self.b0)


class _Edge(nn.Module):
    """A 1x1 convolution, then a fixed edge filter on each feature with a learned strength and bias."""

    def __init__(self, inputs: int, outputs: int, *, mask: tuple[tuple[float, ...], ...]) -> None:
        super().__init__()
        first = nn.Conv2d(inputs, outputs, 1)
        self.k0, self.b0 = _require_parameters(first)
        self.scale = nn.Parameter(1e-3 * torch.randn(outputs, 1, 1, 1))
        self.bias = nn.Parameter(1e-3 * torch.randn(outputs))
        self.mask = nn.Parameter(torch.tensor(mask).repeat(outputs, 1, 1, 1), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return _convolve_after_pointwise(x, self.k0, self.b0, kernel=self.scale * self.mask, kernel_bias=self.bias)

    def fold(self) -> tuple[Tensor, Tensor]:
        kernel = self.scale * self.mask
        return kernel * self.k0, self.bias + self.b0 * kernel.sum(dim=(1, 2, 3))


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, *, identity: bool, activation: str, deployed: bool) -> None:
        super().__init__()
        self.conv3x3 = conv(inputs, outputs)
        self.identity = identity and inputs == outputs and not deployed
        self.deployed = deployed
        if not deployed:
            self.conv1x1_3x3 = _Wide(inputs, outputs)
            for name, mask in _EDGES.items():
                self.add_module(f"conv1x1_{name}", _Edge(inputs, outputs, mask=mask))
        acts: dict[str, nn.Module] = {"prelu": nn.PReLU(outputs), "relu": nn.ReLU(), "linear": nn.Identity()}
        self.act = acts[activation]

    def branches(self) -> list["_Wide | _Edge"]:
        return [module for module in self.children() if isinstance(module, _Wide | _Edge)]

    def forward(self, x: Tensor) -> Tensor:
        if self.training and not self.deployed:
            y = self.conv3x3(x)
            for branch in self.branches():
                y = y + branch(x)
            y = y + x if self.identity else y
        else:
            weight, bias = self.fold()
            y = functional.conv2d(x, weight, bias, padding=1)
        out: Tensor = self.act(y)
        return out

    def fold(self) -> tuple[Tensor, Tensor]:
        """Compute weight and bias of the 3x3 convolution that equals the sum of the branches."""
        weight, bias = _require_parameters(self.conv3x3)
        for branch in self.branches():
            more_weight, more_bias = branch.fold()
            weight, bias = weight + more_weight, bias + more_bias
        if self.identity:
            centre = torch.zeros_like(weight)
            centre[:, :, 1, 1] = torch.eye(len(weight), dtype=weight.dtype, device=weight.device)
            weight = weight + centre
        return weight, bias


class ECBSR(Network):
    """11,840 parameters at x4 on luma for inference (M4C16), 49,712 for training; receptive field: depth + 2 LR pixels.

    Args:
        scale: at least 1.
        colour: ``y`` as in the paper, or ``rgb``.
        width: features.
        depth: blocks between the first and the last.
        activation: ``prelu`` with a slope for each feature, or ``relu``.
        identity: also add the input of a block where it has as many features as the output; no trace in the state
            dict.
        deployed: only the folded 3x3 convolutions, without branches.
        value_range: white in input and output; 255.0 for the authors' checkpoints.
    """

    title = "ECBSR"
    paper = "Zhang et al., ACM MM 2021"
    keys_source = "xindongzhang/ECBSR"
    licence = "no licence file (xindongzhang/ECBSR)"
    configurations = (
        Configuration("ECBSR M4C16, training", {"scale": 4}),
        Configuration("ECBSR M4C16, deployed", {"scale": 4, "deployed": True}),
    )
    tiny = (
        {"scale": 2, "width": 3, "depth": 1},
        {"scale": 3, "width": 3, "depth": 2, "activation": "relu", "colour": "rgb", "identity": True},
        {"scale": 4, "width": 3, "depth": 2, "deployed": True},
    )
    untraced: Mapping[str, str] = {
        "identity": "True where the authors' option with_idt was set",
        "value_range": "255 in the authors' code",
    }
    unused_keys = r"conv1x1_(sbx|sby|lpl)\.b0$"  # the edge filters sum to zero
    deployed_arguments: ClassVar[Mapping[str, JSON]] = {"deployed": True}
    adds_input = True

    def __init__(
        self,
        *,
        scale: int = 2,
        colour: Literal["y", "rgb"] = "y",
        width: int = 16,
        depth: int = 4,
        activation: Literal["prelu", "relu"] = "prelu",
        identity: bool = False,
        deployed: bool = False,
        value_range: float = 1.0,
    ) -> None:
        super().__init__()
        if scale < 1:
            raise ValueError(f"scale must be at least 1, got {scale}")
        if activation not in ("prelu", "relu"):
            raise ValueError(f"activation must be 'prelu' or 'relu', got {activation!r}")
        self.scale = scale
        self.colour = colour
        self.value_range = value_range
        self.is_deployed = deployed
        self.receptive_field = depth + 2
        self.arguments = {"scale": scale, "colour": colour, "width": width, "depth": depth, "activation": activation}
        widths = (self.channels, *[width] * (depth + 1), self.channels * scale**2)
        self.backbone = nn.Sequential(
            *(
                _Block(
                    widths[i],
                    widths[i + 1],
                    identity=identity,
                    activation=activation if i <= depth else "linear",
                    deployed=deployed,
                )
                for i in range(depth + 2)
            )
        )

    def forward(self, lr: Tensor) -> Tensor:
        """Map lr (N, C, H, W) in [0, value_range] to sr (N, C, scale*H, scale*W), not clamped.

        In training mode the branches run in parallel; otherwise they are folded first, with the same result to
        float rounding.
        """
        base = lr.repeat_interleave(self.scale**2, dim=1)
        return functional.pixel_shuffle(self.backbone(lr) + base, self.scale)

    @torch.no_grad()
    def deployed(self) -> "ECBSR":
        """Return the same network as plain 3x3 convolutions, for export and inference."""
        if self.is_deployed:
            return self
        plain = ECBSR(
            **self.arguments,  # type: ignore[arg-type]
            value_range=self.value_range,
            deployed=True,
        )
        reference = next(self.parameters())
        plain.to(device=reference.device, dtype=reference.dtype).train(self.training)
        for ours, theirs in zip(self.backbone, plain.backbone, strict=True):
            if not isinstance(ours, _Block) or not isinstance(theirs, _Block):
                raise TypeError(f"expected blocks of this network, got {type(ours).__name__}")
            for target, value in zip(_require_parameters(theirs.conv3x3), ours.fold(), strict=True):
                target.copy_(value)
            theirs.act.load_state_dict(ours.act.state_dict())
        return plain

    def shift_input(self, centre: float) -> dict[str, Tensor]:
        """See :meth:`Network.shift_input`; all branches of the first block read the shift, one bias takes it."""
        first = self.backbone[0]
        if not isinstance(first, _Block):
            raise TypeError(f"expected a block of this network, got {type(first).__name__}")
        bias = _require_parameters(first.conv3x3)[1]
        return {"backbone.0.conv3x3.bias": bias - centre * first.fold()[0].sum((1, 2, 3))}

    @classmethod
    def list_untraced(cls, arguments: Mapping[str, JSON]) -> Mapping[str, str]:
        """The identities are folded into the convolutions of the deployed form."""
        deployed = arguments.get("deployed", False)
        return {key: words for key, words in cls.untraced.items() if key != "identity" or not deployed}

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer all arguments but ``identity``; white leaves no trace and is 255, as in the authors' code."""
        width, channels, *_ = require_shape(state, "backbone.0.conv3x3.weight", network="ecbsr")
        depth = count_blocks(state, "backbone.") - 2
        outputs = require_shape(state, f"backbone.{depth + 1}.conv3x3.weight", network="ecbsr")[0]
        scale = isqrt(outputs // channels)
        if outputs != channels * scale**2:
            raise ModelError(f"not a state dict of ecbsr: {outputs} output channels for {channels} input channels.")
        return {
            "scale": scale,
            "colour": "y" if channels == 1 else "rgb",
            "width": width,
            "depth": depth,
            "activation": "prelu" if "backbone.0.act.weight" in state else "relu",
            "deployed": "backbone.0.conv1x1_3x3.k0" not in state,
            "value_range": 255.0,
        }
