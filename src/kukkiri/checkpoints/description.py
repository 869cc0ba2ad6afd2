"""The descriptor of a network, and a check that a network and a descriptor agree."""

from collections.abc import Mapping

from torch import nn

from kukkiri.errors import ModelError
from kukkiri.info import JSON, ModelInfo
from kukkiri.networks import NETWORKS, Network

__all__ = ["check_description", "describe"]

_SHARED = ("scale", "colour", "receptive_field", "multiple", "pre_upsampled")
"""Attributes that a network and its descriptor have in common."""


def describe(
    network: Network, *, name: str, arguments: Mapping[str, JSON], training_data: str = "", licence: str = ""
) -> ModelInfo:
    """Make the descriptor of a network.

    Args:
        network: an instance of a class in ``NETWORKS``.
        name: weights id, such as ``espcn-x3``.
        arguments: keywords of the constructor that made it.
        training_data: description of the training data, for people.
        licence: SPDX identifier of the weights.

    Raises:
        ModelError: the class is not in ``NETWORKS``.
    """
    keys = [key for key, kind in NETWORKS.items() if type(network) is kind]
    if not keys:
        raise ModelError(
            f"{type(network).__name__} is not in kukkiri.networks.NETWORKS, so that its file could not be loaded. "
            f"Register it first: kukkiri.networks.register('a_name', {type(network).__name__})."
        )
    shared = {attribute: getattr(network, attribute) for attribute in _SHARED}
    return ModelInfo(
        name=name,
        network=keys[0],
        arguments=dict(arguments),
        training_data=training_data,
        licence=licence,
        **shared,
    )


def check_description(module: nn.Module, info: ModelInfo) -> None:
    """Check that a descriptor does not contradict the network.

    Attributes that the module lacks are not compared, so that any ``nn.Module`` can be described.

    Raises:
        ModelError: an attribute differs.
    """
    for attribute in _SHARED:
        described = getattr(info, attribute)
        if getattr(module, attribute, described) != described:
            raise ModelError(
                f"{info.name}: described with {attribute} {described!r}, but the network has "
                f"{getattr(module, attribute)!r}. Make the description with kukkiri.checkpoints.describe."
            )
