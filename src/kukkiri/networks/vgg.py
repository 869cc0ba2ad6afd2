"""VGG-16 and VGG-19: the convolutional layers, for perceptual losses.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015,
arXiv:1409.1556, columns D and E. Keys ``features.{i}.*`` as in torchvision, whose weight files are BSD-3-Clause code
and weights of the authors (CC BY 4.0) converted; kukkiri ships none.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Self

from torch import Tensor, nn

from kukkiri.errors import ModelError
from kukkiri.networks.blocks import require_shape
from kukkiri.networks.feature_network import FeatureNetwork

__all__ = ["VGG", "VGG16", "VGG19"]

_CONVOLUTIONS: dict[int, tuple[int, ...]] = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
"""Convolutions in each of the five blocks."""


class VGG(FeatureNetwork):
    """The features of VGG: 14,714,688 parameters at depth 16, 20,024,384 at depth 19.

    Layers are named as in papers on perceptual losses: ``conv3_4`` is the fourth convolution of the third block before
    its ReLU, ``relu3_4`` after it, ``pool3`` the maximum after the block.

    Args:
        depth: 16 or 19.
        width: features of the first block, 64 in the paper.
    """

    def __init__(self, *, depth: Literal[16, 19], width: int = 64) -> None:
        super().__init__()
        modules: list[nn.Module] = []
        names: list[str] = []
        inputs = 3
        for block, count in enumerate(_CONVOLUTIONS[depth], 1):
            outputs = width * 2 ** min(block - 1, 3)
            for number in range(1, count + 1):
                modules += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
                names += [f"conv{block}_{number}", f"relu{block}_{number}"]
                inputs = outputs
            modules.append(nn.MaxPool2d(2))
            names.append(f"pool{block}")
        self.layers = tuple(names)
        self.modules_in_order = nn.Sequential(*modules)

    def features(self, images: Tensor, layers: Sequence[str]) -> list[Tensor]:
        """See :meth:`FeatureNetwork.features`; an image needs 2^b pixels a side for a layer of block b + 1."""
        self.check_layers(layers)
        found: dict[str, Tensor] = {}
        for name, module in zip(self.layers, self.modules_in_order, strict=True):
            images = module(images)
            if name in layers:
                found[name] = images
                if len(found) == len(set(layers)):
                    break
        return [found[layer] for layer in layers]

    @classmethod
    def _make(cls, state: Mapping[str, Tensor], *, depth: Literal[16, 19]) -> Self:
        network = cls(depth=depth, width=require_shape(state, "features.0.weight", network=f"vgg{depth}")[0])
        own = {key.removeprefix("features."): value for key, value in state.items() if key.startswith("features.")}
        try:
            network.modules_in_order.load_state_dict(own)
        except RuntimeError as error:
            reason = "; ".join(line.strip() for line in str(error).splitlines()[1:3])
            raise ModelError(f"not a state dict of vgg{depth} in torchvision's layout: {reason}") from error
        return network.eval().requires_grad_(False)


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
