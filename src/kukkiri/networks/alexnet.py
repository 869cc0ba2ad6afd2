"""AlexNet: the convolutional layers, for LPIPS.

Krizhevsky, "One weird trick for parallelizing convolutional neural networks", arXiv:1404.5997, the variant with one
stream and without normalization. Keys ``features.{i}.*`` as in torchvision; kukkiri ships no weights of it.
"""

from collections.abc import Mapping
from typing import Self

from torch import Tensor, nn

from kukkiri.networks.blocks import require_shape
from kukkiri.networks.feature_network import SequentialFeatures

__all__ = ["AlexNet"]

_CONVOLUTIONS = ((1, 11, 4, 2), (3, 5, 1, 2), (6, 3, 1, 1), (4, 3, 1, 1), (4, 3, 1, 1))
"""Features as multiples of the width, side, stride, padding."""
_POOLED = (1, 2, 5)


class AlexNet(SequentialFeatures):
    """The features of AlexNet, 2,469,696 parameters; layers ``conv1`` to ``conv5``, ``relu1``, ..., ``pool1``, 2 and 5.

    Args:
        width: features of the first convolution, 64 in the paper.
    """

    def __init__(self, *, width: int = 64) -> None:
        layers: list[tuple[str, nn.Module]] = []
        inputs = 3
        for number, (factor, side, stride, padding) in enumerate(_CONVOLUTIONS, 1):
            layers.append((f"conv{number}", nn.Conv2d(inputs, factor * width, side, stride, padding)))
            layers.append((f"relu{number}", nn.ReLU()))
            if number in _POOLED:
                layers.append((f"pool{number}", nn.MaxPool2d(3, 2)))
            inputs = factor * width
        super().__init__(layers)

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> Self:
        """Make the network of torchvision's ``alexnet``; keys besides ``features.*`` are ignored."""
        network = cls(width=require_shape(state, "features.0.weight", network="alexnet")[0])
        return network.take_weights(state, name="alexnet")
