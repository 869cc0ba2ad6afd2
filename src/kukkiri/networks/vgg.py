"""VGG-16 and VGG-19: the convolutional layers, for perceptual losses.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015,
arXiv:1409.1556, columns D and E. Keys ``features.{i}.*`` as in torchvision, whose weight files are BSD-3-Clause code
and weights of the authors (CC BY 4.0) converted; kukkiri ships none.
"""

from collections.abc import Mapping
from typing import Literal, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from kukkiri.networks.blocks import require_shape
from kukkiri.networks.feature_network import SequentialFeatures

__all__ = ["VGG", "VGG16", "VGG16L2", "VGG19"]

_CONVOLUTIONS: dict[int, tuple[int, ...]] = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
"""Convolutions in each of the five blocks."""


class VGG(SequentialFeatures):
    """The features of VGG: 14,714,688 parameters at depth 16, 20,024,384 at depth 19.

    Layers are named as in papers on perceptual losses: ``conv3_4`` is the fourth convolution of the third block before
    its ReLU, ``relu3_4`` after it, ``pool3`` the maximum after the block. An image needs 2^b pixels a side for a layer
    of block b + 1.

    Args:
        depth: 16 or 19.
        width: features of the first block, 64 in the paper.
        pooling: of the paper, the maximum of 2 x 2; or ``l2``, see :class:`VGG16L2`.
    """

    def __init__(self, *, depth: Literal[16, 19], width: int = 64, pooling: Literal["max", "l2"] = "max") -> None:
        layers: list[tuple[str, nn.Module]] = []
        inputs = 3
        for block, count in enumerate(_CONVOLUTIONS[depth], 1):
            outputs = width * 2 ** min(block - 1, 3)
            for number in range(1, count + 1):
                layers.append((f"conv{block}_{number}", nn.Conv2d(inputs, outputs, 3, padding=1)))
                layers.append((f"relu{block}_{number}", nn.ReLU()))
                inputs = outputs
            layers.append((f"pool{block}", nn.MaxPool2d(2) if pooling == "max" else _L2Pool()))
        super().__init__(layers)

    @classmethod
    def _make(cls, state: Mapping[str, Tensor], *, depth: Literal[16, 19]) -> Self:
        network = cls(depth=depth, width=require_shape(state, "features.0.weight", network=f"vgg{depth}")[0])
        return network.take_weights(state, name=f"vgg{depth}")


class _L2Pool(nn.Module):
    """The root of the mean square over a Hann window of 3 x 3, every second place (DISTS, section III.A)."""

    def forward(self, x: Tensor) -> Tensor:
        taps = x.new_tensor([0.25, 0.5, 0.25])
        window = torch.outer(taps, taps).expand(x.shape[1], 1, 3, 3)
        return (functional.conv2d(x.square(), window, stride=2, padding=1, groups=x.shape[1]) + 1e-12).sqrt()


class VGG16(VGG):
    """VGG of depth 16."""

    def __init__(self, *, depth: Literal[16, 19] = 16, width: int = 64) -> None:
        super().__init__(depth=depth, width=width)

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> Self:
        """Make the network of torchvision's ``vgg16``; keys besides ``features.*`` are ignored."""
        return cls._make(state, depth=16)


class VGG19(VGG):
    """VGG of depth 19."""

    def __init__(self, *, depth: Literal[16, 19] = 19, width: int = 64) -> None:
        super().__init__(depth=depth, width=width)

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> Self:
        """Make the network of torchvision's ``vgg19``; keys besides ``features.*`` are ignored."""
        return cls._make(state, depth=19)


class VGG16L2(VGG):
    """VGG of depth 16 with weighted L2 pooling, which does not alias, in place of the maxima.

    Ding et al., "Image Quality Assessment: Unifying Structure and Texture Similarity", TPAMI 2020, arXiv:2004.07728.
    """

    def __init__(self, *, depth: Literal[16, 19] = 16, width: int = 64) -> None:
        super().__init__(depth=depth, width=width, pooling="l2")

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> Self:
        """Make the network with the weights of torchvision's ``vgg16``; keys besides ``features.*`` are ignored."""
        return cls._make(state, depth=16)
