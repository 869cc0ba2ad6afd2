"""SESR: collapsible linear blocks, folded into one convolution each at every training step.

Bhardwaj et al., "Collapsible Linear Blocks for Super-Efficient Super Resolution", MLSys 2022, arXiv:2103.09404.
A block maps x to P (E * x) + b: E is a k x k convolution to ``expansion`` times the width, P a 1x1 one back. Nothing
non-linear lies between them, so the block is the convolution with the kernel

    W[o, i] = sum_m P[o, m] E[m, i] + [o = i] delta,

where the delta is the block's short residual. Training runs W, which costs what the plain network costs, and its
gradient flows through the product into P and E. Two long skips: the features of the first layer are added to those of
the last one of the body, and the input is added to each of the scale^2 sub-pixels:

    f0 = W_first lr,  f(i+1) = act(W_i f(i)),  sr = shuffle(W_head (f(depth) + f0) + lr).

:meth:`SESR.deployed` returns the plain network with these W. Differs from the paper and from ARM-software/sesr, which
is TensorFlow: ReLU by default (PReLU is slow on the engine), a bias for each W and none for E, chosen variances of the
initial kernels, RGB is possible, no 0.5 is subtracted (training can centre the input), no clipping.
"""

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from math import isqrt
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from kukkiri.errors import ModelError
from kukkiri.info import JSON
from kukkiri.networks.blocks import conv, count_blocks, require_positive, require_shape
from kukkiri.networks.interface import Configuration, Network

__all__ = ["SESR"]


class _CollapsibleConv(nn.Module):
    """A convolution whose kernel is the product of a k x k and a 1x1 one, plus the identity with ``residual``.

    Keys: ``expand`` (hidden, inputs, k, k), ``project`` (outputs, hidden) and ``bias`` (outputs).
    """

    def __init__(self, inputs: int, outputs: int, kernel_size: int, *, hidden: int, residual: bool) -> None:
        super().__init__()
        self.expand = nn.Parameter(torch.empty(hidden, inputs, kernel_size, kernel_size))
        self.project = nn.Parameter(torch.empty(outputs, hidden))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.residual = residual

    @torch.no_grad()
    def reset_parameters(self, std: float) -> None:
        """Sample both factors such that the folded kernel has this standard deviation, next to the identity."""
        # as large as each other: var(W) = hidden * var(E) * var(P), and a step of the optimizer moves both equally
        factor = (std / math.sqrt(len(self.expand))) ** 0.5
        nn.init.normal_(self.expand, std=factor)
        nn.init.normal_(self.project, std=factor)
        nn.init.zeros_(self.bias)

    def fold(self) -> Tensor:
        """Compute the kernel (outputs, inputs, k, k), in full precision also under autocast."""
        with _without_autocast(self.expand):
            weight = (self.project @ self.expand.flatten(1)).view(-1, *self.expand.shape[1:])
        if self.residual:
            weight = weight + _identity_like(weight)
        return weight

    @torch.no_grad()
    def unfold(self, weight: Tensor) -> dict[str, Tensor]:
        """Compute factors whose product is a kernel, (outputs, inputs, k, k), by its singular vectors.

        The hidden features beyond its rank keep their random ``expand`` and get a ``project`` of zero, so that they do
        not change the kernel and can still learn.

        Raises:
            ValueError: the rank may be higher than the number of hidden features.
        """
        matrix = (weight - _identity_like(weight) if self.residual else weight).flatten(1).double()
        u, values, v = torch.linalg.svd(matrix, full_matrices=False)
        if len(values) > len(self.expand):
            raise ValueError(f"a kernel of rank {len(values)} needs as many hidden features, got {len(self.expand)}")
        expand, project = self.expand.detach().clone(), torch.zeros_like(self.project)
        project[:, : len(values)] = (u * values.sqrt()).to(project)
        expand[: len(values)] = (values.sqrt()[:, None] * v).view(-1, *expand.shape[1:]).to(expand)
        return {"expand": expand, "project": project}

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.fold(), self.bias, padding=self.expand.shape[-1] // 2)


def _identity_like(weight: Tensor) -> Tensor:
    """The kernel of the identity, (C, C, k, k)."""
    eye = torch.eye(len(weight), dtype=weight.dtype, device=weight.device)
    return functional.pad(eye[:, :, None, None], [weight.shape[-1] // 2] * 4)


def _without_autocast(x: Tensor) -> AbstractContextManager[object]:
    device = x.device.type
    return torch.autocast(device, enabled=False) if torch.amp.is_autocast_available(device) else nullcontext()


class SESR(Network):
    """13,620 parameters at x2 on luma when deployed (M5); receptive field: depth + kernel_size - 1 LR pixels.

    Args:
        scale: at least 1.
        colour: ``y`` as in the paper, or ``rgb``.
        width: features.
        depth: 3x3 blocks between the first and the last layer, at least 1.
        expansion: features inside a block for each of the width; the paper has 16 (2 at SESR-XL).
        kernel_size: of the first and the last layer, odd.
        activation: ``relu``, or ``prelu`` with a slope for each feature as in the paper.
        residual: add the identity to the kernels of the body; no trace in the state dict.
        feature_skip: add the features of the first layer to those of the last one of the body; no trace.
        image_skip: add the input to the sub-pixels; no trace.
        deployed: plain convolutions instead of collapsible ones; ``expansion`` means nothing then, and ``residual``
            acts on the initialization only.
    """

    title = "SESR"
    paper = "Bhardwaj et al., MLSys 2022, arXiv:2103.09404"
    keys_source = "own"
    licence = "Apache-2.0 (ARM-software/sesr)"
    configurations = (
        Configuration("SESR-M5, training", {"scale": 2, "activation": "prelu"}),
        Configuration("SESR-M5, deployed", {"scale": 2, "activation": "prelu", "deployed": True}),
        Configuration("SESR-M11, deployed", {"scale": 2, "depth": 11, "activation": "prelu", "deployed": True}),
        Configuration(
            "SESR-XL, deployed", {"scale": 2, "width": 32, "depth": 11, "activation": "prelu", "deployed": True}
        ),
    )
    tiny = (
        {"scale": 2, "width": 4, "depth": 2, "expansion": 4},
        {"scale": 3, "width": 3, "depth": 1, "expansion": 2, "colour": "rgb", "activation": "prelu", "kernel_size": 3},
        {"scale": 2, "width": 3, "depth": 2, "feature_skip": False, "image_skip": False, "residual": False},
        {"scale": 4, "width": 4, "depth": 2, "deployed": True},
        {"scale": 2, "width": 4, "depth": 1, "deployed": True, "colour": "rgb", "activation": "prelu"},
    )
    untraced: Mapping[str, str] = {
        "residual": "True unless the short residuals were left out",
        "feature_skip": "True unless the skip over the body was left out",
        "image_skip": "True unless the skip from the input to the output was left out",
    }
    deployed_arguments: ClassVar[Mapping[str, JSON]] = {"deployed": True}

    def __init__(
        self,
        *,
        scale: int = 2,
        colour: Literal["y", "rgb"] = "y",
        width: int = 16,
        depth: int = 5,
        expansion: int = 16,
        kernel_size: int = 5,
        activation: Literal["relu", "prelu"] = "relu",
        residual: bool = True,
        feature_skip: bool = True,
        image_skip: bool = True,
        deployed: bool = False,
    ) -> None:
        super().__init__()
        require_positive(scale=scale, width=width, depth=depth, expansion=expansion)
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd, got {kernel_size}")
        if activation not in ("relu", "prelu"):
            raise ValueError(f"activation must be 'relu' or 'prelu', got {activation!r}")
        self.arguments: dict[str, JSON] = {"scale": scale, "colour": colour, "width": width, "depth": depth}
        self.arguments |= {"expansion": expansion, "kernel_size": kernel_size, "activation": activation}
        self.arguments |= {"residual": residual, "feature_skip": feature_skip, "image_skip": image_skip}
        self.scale = scale
        self.colour = colour
        self.kernel_size = kernel_size
        self.receptive_field = depth + kernel_size - 1
        self.adds_input = image_skip
        self.feature_skip = feature_skip
        outputs = self.channels * scale**2

        def layer(inputs: int, outputs: int, kernel_size: int, *, residual: bool = False) -> nn.Module:
            if deployed:
                return conv(inputs, outputs, kernel_size)
            return _CollapsibleConv(inputs, outputs, kernel_size, hidden=expansion * width, residual=residual)

        self.first = layer(self.channels, width, kernel_size)
        self.body = nn.ModuleList(layer(width, width, 3, residual=residual) for _ in range(depth))
        self.activations = nn.ModuleList(nn.PReLU(width) if activation == "prelu" else nn.ReLU() for _ in range(depth))
        self.head = layer(width, outputs, kernel_size)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Initialize as He does, half of it beside an identity, a tenth in the head: nearly nearest-pixel upscaling."""
        for layer in (self.first, *self.body, self.head):
            plus_identity = layer in self.body and bool(self.arguments["residual"])
            gain = 0.1 if layer is self.head else 0.5 if plus_identity else 1.0
            if isinstance(layer, _CollapsibleConv):
                layer.reset_parameters(gain * math.sqrt(2 / layer.expand[0].numel()))
            elif isinstance(layer, nn.Conv2d) and layer.bias is not None:
                nn.init.normal_(layer.weight, std=gain * math.sqrt(2 / layer.weight[0].numel()))
                nn.init.zeros_(layer.bias)
                layer.weight.add_(_identity_like(layer.weight) if plus_identity else 0.0)

    def features(self, lr: Tensor) -> Tensor:
        """Compute the input of the head, (N, width, H, W)."""
        first: Tensor = self.first(lr)
        x = first
        for layer, activation in zip(self.body, self.activations, strict=True):
            x = activation(layer(x))
        return x + first if self.feature_skip else x

    def forward(self, lr: Tensor) -> Tensor:
        """Map lr (N, C, H, W) in [0, 1] to sr (N, C, scale*H, scale*W), not clamped."""
        sub_pixels: Tensor = self.head(self.features(lr))
        if self.adds_input:
            sub_pixels = sub_pixels + self._repeat(lr)
        return functional.pixel_shuffle(sub_pixels, self.scale)

    def _repeat(self, lr: Tensor) -> Tensor:
        """Repeat each colour for its sub-pixels; luma is left to broadcasting, which is quicker on the engine."""
        if self.channels == 1:
            return lr
        ones = lr.new_ones(self.channels * self.scale**2, 1, 1, 1)
        return functional.conv2d(lr, ones, groups=self.channels)

    @torch.no_grad()
    def deployed(self) -> "SESR":
        """Return the same network as plain convolutions: Conv, Relu, Add and DepthToSpace in a graph."""
        if isinstance(self.first, nn.Conv2d):
            return self
        plain = SESR(**{**self.arguments, **self.deployed_arguments})  # type: ignore[arg-type]  # they are JSON to mypy
        reference = next(self.parameters())
        plain.to(device=reference.device, dtype=reference.dtype).train(self.training)
        state = self.state_dict()
        for name, module in self.named_modules():
            if isinstance(module, _CollapsibleConv):
                del state[f"{name}.expand"], state[f"{name}.project"]
                state[f"{name}.weight"] = module.fold()
        plain.load_state_dict(state)
        return plain

    def expand_state(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See :meth:`Network.expand_state`; a kernel of another shape, as the head's at another scale, stays."""
        expanded = dict(state)
        for name, module in self.named_modules():
            weight = state.get(f"{name}.weight")
            if isinstance(module, _CollapsibleConv) and weight is not None and weight.shape == module.fold().shape:
                del expanded[f"{name}.weight"]
                expanded |= {f"{name}.{key}": value for key, value in module.unfold(weight).items()}
        return expanded

    def shift_input(self, centre: float) -> dict[str, Tensor]:
        """See :meth:`Network.shift_input`; the first kernel is a folded one, whose gradient the shift has, too."""
        if not isinstance(self.first, _CollapsibleConv) or not isinstance(self.head, _CollapsibleConv):
            return super().shift_input(centre)
        shifted = {"first.bias": self.first.bias - centre * self.first.fold().sum((1, 2, 3))}
        return shifted if self.adds_input else {**shifted, "head.bias": self.head.bias + centre}

    @classmethod
    def list_untraced(cls, arguments: Mapping[str, JSON]) -> Mapping[str, str]:
        """The short residuals are folded into the convolutions of the deployed form."""
        deployed = arguments.get("deployed", False)
        return {key: words for key, words in cls.untraced.items() if key != "residual" or not deployed}

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer all arguments but ``residual``, ``feature_skip`` and ``image_skip``."""
        key = "first.weight" if "first.weight" in state else "first.expand"
        hidden, channels, kernel_size, *_ = require_shape(state, key, network="sesr")
        width, outputs = (require_shape(state, f"{name}.bias", network="sesr")[0] for name in ("first", "head"))
        scale = isqrt(outputs // channels)
        if channels not in (1, 3) or outputs != channels * scale**2:
            raise ModelError(f"not a state dict of sesr: {outputs} output channels for {channels} input channels.")
        arguments: dict[str, JSON] = {
            "scale": scale,
            "colour": "y" if channels == 1 else "rgb",
            "width": width,
            "depth": count_blocks(state, "body."),
            "kernel_size": kernel_size,
            "activation": "prelu" if "activations.0.weight" in state else "relu",
            "deployed": key == "first.weight",
        }
        return arguments if arguments["deployed"] else {**arguments, "expansion": hidden // width}
