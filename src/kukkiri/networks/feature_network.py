"""The interface of a feature network: a pretrained classifier in whose features images are compared."""

from collections.abc import Mapping, Sequence
from typing import Self

from torch import Tensor, nn

from kukkiri.errors import ModelError, did_you_mean

__all__ = ["FeatureNetwork"]


class FeatureNetwork(nn.Module):
    """A network that maps normalized RGB images to the features of some of its layers; its weights are not trained."""

    layers: tuple[str, ...]
    """Names of its layers, in their order."""

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> Self:
        """Make the network with the weights of a state dict, in evaluation mode.

        Raises:
            ModelError: a tensor is missing or has another shape.
        """
        raise NotImplementedError

    def features(self, images: Tensor, layers: Sequence[str]) -> list[Tensor]:
        """Compute the features of some layers.

        Args:
            images: (N, 3, H, W), normalized as the network was trained.
            layers: names in ``self.layers``, in any order; no layer after the last of them is computed.

        Returns:
            The features (N, C, H', W') of each.

        Raises:
            ModelError: an unknown layer.
        """
        raise NotImplementedError

    def check_layers(self, layers: Sequence[str]) -> None:
        """Check names of layers.

        Raises:
            ModelError: one is unknown.
        """
        for layer in layers:
            if layer not in self.layers:
                raise ModelError(f"unknown layer {layer!r}{did_you_mean(layer, self.layers)}")
