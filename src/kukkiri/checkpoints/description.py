"""From a network to the descriptor that its files carry, and a check that the two agree."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from kukkiri.errors import ModelError
from kukkiri.info import ModelInfo
from kukkiri.networks import NETWORKS, Network

__all__ = ["check_description", "describe"]

_SHARED = ("scale", "colour", "receptive_field", "multiple", "pre_upsampled")


def describe(
    network: Network, *, name: str, arguments: Mapping[str, Any], training_data: str = "", licence: str = ""
) -> ModelInfo:
    """Describe a network.

    Args:
        network: an instance of a class in ``NETWORKS``.
        name: weights id, such as ``espcn-x3``.
        arguments: keywords that make the same network again; JSON values only.
        training_data: what it was trained on, for the reader.
        licence: SPDX identifier of the weights.

    Raises:
        ModelError: the class is not in ``NETWORKS``.
    """
    keys = [key for key, kind in NETWORKS.items() if type(network) is kind]
    if not keys:
        raise ModelError(f"{type(network).__name__} is not among the known networks: {', '.join(NETWORKS)}.")
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
    """Refuse a descriptor that says something else than the network itself.

    Only what the module states about itself is compared, so that any ``nn.Module`` can be described.

    Raises:
        ModelError: an attribute differs.
    """
    for attribute in _SHARED:
        said = getattr(info, attribute)
        if getattr(module, attribute, said) != said:
            raise ModelError(
                f"{info.name}: described with {attribute} {said!r}, but the network has "
                f"{getattr(module, attribute)!r}. Make the description with kukkiri.checkpoints.describe."
            )
