"""Feature networks, pretrained classifiers in whose features images are compared: the interface and the plain ones."""

from collections.abc import Mapping, Sequence
from typing import Self

from torch import Tensor, nn

from kukkiri.errors import ModelError, did_you_mean
from kukkiri.networks.state_shapes import load_fitting

__all__ = ["FeatureNetwork", "SequentialFeatures"]


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


class SequentialFeatures(FeatureNetwork):
    """A feature network whose layers follow one another, with the keys ``features.{i}.*`` of torchvision.

    Args:
        layers: the layers in their order, each with its name.
    """

    def __init__(self, layers: Sequence[tuple[str, nn.Module]]) -> None:
        super().__init__()
        self.layers = tuple(name for name, _ in layers)
        self.modules_in_order = nn.Sequential(*(module for _, module in layers))

    def features(self, images: Tensor, layers: Sequence[str]) -> list[Tensor]:
        """See :meth:`FeatureNetwork.features`."""
        self.check_layers(layers)
        found: dict[str, Tensor] = {}
        for name, module in zip(self.layers, self.modules_in_order, strict=True):
            images = module(images)
            if name in layers:
                found[name] = images
                if len(found) == len(set(layers)):
                    break
        return [found[layer] for layer in layers]

    def take_weights(self, state: Mapping[str, Tensor], *, name: str) -> Self:
        """Take the weights of a state dict, whose keys besides ``features.*`` are ignored, for evaluation.

        Raises:
            ModelError: a tensor is missing or has another shape.
        """
        own = {key: value for key, value in state.items() if key.startswith("features.")}
        try:
            load_fitting(self.modules_in_order, own, prefix="features.")
        except ModelError as error:
            raise ModelError(
                f"not a state dict of {name} in torchvision's layout: {error}. Name torchvision's weights of {name}."
            ) from error
        return self.eval().requires_grad_(False)
