"""The descriptor of a network, and a check that a network and a descriptor agree."""

import inspect
from collections.abc import Mapping

from torch import nn

from kukkiri.errors import ModelError
from kukkiri.info import JSON, ModelInfo
from kukkiri.networks import NETWORKS, Network

__all__ = ["check_description", "describe", "settle_white"]

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
        condition=network.describe_condition() if isinstance(network, Network) else None,
        **shared,
    )


def settle_white(network: str, arguments: Mapping[str, JSON], *, source: str) -> dict[str, JSON]:
    """Drop ``value_range`` from arguments where the class has the same white for all its weights.

    Raises:
        ModelError: the class has another white, which no argument changes.
    """
    kind, asked = NETWORKS[network], arguments.get("value_range")
    if asked is None or "value_range" in inspect.signature(kind).parameters:
        return dict(arguments)
    if asked != kind.value_range:
        raise ModelError(
            f"{source}: {network} works on 0 to {kind.value_range:g}, but white {asked} was asked. Drop --range or the "
            "argument value_range."
        )
    return {key: value for key, value in arguments.items() if key != "value_range"}


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
