"""The forms in which networks declare their conditions: what was sampled, as arguments of their forward.

A network names its arguments in :attr:`kukkiri.networks.Network.conditions`. ``kernel`` is (N, 1, K, K) of a true
convolution, ``noise_std`` is (N,); any other name is the vector that the network's
:class:`kukkiri.info.Condition` describes, computed by the same function as for an image that is upscaled.
"""

import dataclasses
import hashlib

import numpy as np
import torch
from torch import Tensor

from kukkiri.degradations import compute_condition, pack_basis, read_basis
from kukkiri.errors import ConfigError
from kukkiri.info import Condition
from kukkiri.networks import Network
from kukkiri.training.conditioned.drawing import Drawn, fit_basis
from kukkiri.training.conditioned.recipe import ConditionedRecipe

__all__ = ["check_network", "complete_condition", "fingerprint_of", "make_conditions", "scale_options"]

_PLAIN_FORMS = ("kernel", "noise_std")


def takes_scale(network: Network, recipe: ConditionedRecipe) -> bool:
    """True for a network whose forward takes the scale."""
    return not network.pre_upsampled and type(network).list_scales(recipe.arguments) is None


def scale_options(network: Network, recipe: ConditionedRecipe, scale: float) -> dict[str, float]:
    """Make the keyword of the forward of a network that takes the scale."""
    if not takes_scale(network, recipe):
        return {}
    return {"scale": scale if network.fractional_scales else int(scale)}


def check_network(network: Network, recipe: ConditionedRecipe) -> None:
    """Check that a network can be conditioned on all that a recipe samples.

    Raises:
        ConfigError: it cannot.
    """
    scaled = takes_scale(network, recipe)
    if not network.conditions and not scaled:
        raise ConfigError(
            f"{recipe.network} has no condition besides the image. Train it with kind = 'supervised', or choose a "
            "network that takes a condition, such as srmd or modulatedplain."
        )
    if not scaled and {*recipe.drawn_scales, *recipe.validation_scales} != {float(recipe.scale)}:
        raise ConfigError(f"{recipe.network} upscales by {recipe.scale} only. Remove scales and validation_scales.")
    fractional = [each for each in (*recipe.scales, *recipe.validation_scales) if each != int(each)]
    if fractional and (not network.fractional_scales or recipe.subsample == "direct" or recipe.blurs):
        raise ConfigError(
            f"scales = {list(recipe.scales)}: a scale that is no whole number needs a network such as metardn, "
            "subsample = 'bicubic' and kernels = { none = 1.0 }."
        )
    described = network.describe_condition()
    vector = [name for name in network.conditions if name not in _PLAIN_FORMS]
    if vector and described is None:
        raise ConfigError(
            f"{recipe.network} with these arguments does not describe its {vector[0]}, so that it cannot be computed "
            "from a kernel. SRMD describes 15 or 16 maps."
        )
    if described is not None and described.subsample != recipe.subsample:
        raise ConfigError(
            f"{recipe.network} describes {described.subsample} subsampling, but subsample = {recipe.subsample!r}. Make "
            "them equal."
        )
    if recipe.noise_levels[1] and not (described.noise if described else "noise_std" in network.conditions):
        raise ConfigError(
            f"noise_levels = {list(recipe.noise_levels)}, but {recipe.network} with these arguments is not conditioned "
            "on noise. Set noise_levels = [0, 0], or choose other arguments, such as maps = 16 of srmd."
        )


def complete_condition(network: Network, recipe: ConditionedRecipe) -> Condition | None:
    """Describe the vector that a network is given, with the principal components if it has any.

    Raises:
        ConfigError: the file of the components cannot be read, or holds another number of them.
    """
    described = network.describe_condition()
    if described is None or described.kind != "components":
        return described
    count = described.length - described.noise
    if not recipe.basis:
        return dataclasses.replace(described, basis=pack_basis(fit_basis(recipe, count=count).components))
    components = read_basis(recipe.basis)
    if len(components) != count:
        raise ConfigError(
            f"{recipe.basis}: holds {len(components)} components, but {recipe.network} with these arguments takes "
            f"{count}. Name another file, or change the arguments."
        )
    return dataclasses.replace(described, basis=pack_basis(components))


def make_conditions(
    network: Network, drawn: Drawn, *, condition: Condition | None, device: torch.device | str = "cpu"
) -> tuple[Tensor, ...]:
    """Make the arguments of a network's forward after the image, float32.

    Args:
        network: read for the names of its conditions.
        drawn: what made the images.
        condition: see :func:`complete_condition`.
        device: of the result.
    """
    made = []
    for name in network.conditions:
        if name == "kernel":  # rotated by half a turn: a correlation becomes a convolution
            values = drawn.kernels[:, None, ::-1, ::-1]
        elif name == "noise_std":
            values = drawn.noise_std
        elif condition is not None:
            scale, pairs = int(drawn.scale), zip(drawn.kernels, drawn.noise_std.tolist(), strict=True)
            rows = [compute_condition(condition, kernel, scale=scale, noise_std=std) for kernel, std in pairs]
            values = np.stack(rows) if rows else np.zeros((0, condition.length))
        made.append(torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(device))
    return tuple(made)


def fingerprint_of(condition: Condition | None) -> str:
    """Return a text that differs where a condition is computed differently."""
    return hashlib.sha256(repr(condition).encode()).hexdigest()[:8] if condition else "none"
