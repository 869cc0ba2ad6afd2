"""Network interpolation: weights between those of two models of one network."""

import copy
import dataclasses

import torch
from torch import Tensor

from kukkiri.checkpoints.loading import Loaded
from kukkiri.errors import ConfigError, ModelError
from kukkiri.info import JSON

__all__ = ["interpolate_weights"]


def interpolate_weights(first: Loaded, second: Loaded, alpha: float) -> Loaded:
    """Interpolate the weights of two models of the same network: (1 - alpha) first + alpha second.

    Between a PSNR-oriented model and the GAN that was trained from it, alpha trades fidelity against sharpness.

    Args:
        first: at alpha 0 the result has its weights, bit for bit.
        second: at alpha 1 the result has its weights, bit for bit.
        alpha: in [0, 1].

    Returns:
        A model with the descriptor of ``first``, of other name, licence and training data where the two differ.

    Raises:
        ConfigError: alpha is not in [0, 1].
        ModelError: they are not of the same network with the same arguments.

    Reference: Wang et al. (ESRGAN), ECCVW 2018, arXiv:1809.00219, section 3.4; 0.8 in its demonstration.
    """
    if not 0 <= alpha <= 1:
        raise ConfigError(f"alpha must be in [0, 1], got {alpha}.")
    _check_same_network(first, second)
    module = copy.deepcopy(first.module)
    other = second.module.state_dict()
    state = {key: _interpolate(value, other[key], alpha).clone() for key, value in first.module.state_dict().items()}
    module.load_state_dict(state)
    info = dataclasses.replace(
        first.info,
        name=f"{first.info.name}-{second.info.name}-{alpha:g}",
        licence=_join(first.info.licence, second.info.licence),
        training_data=_join(first.info.training_data, second.info.training_data),
        sha256="",
    )
    return Loaded(info, module.eval(), first.assumed)


def _interpolate(first: Tensor, second: Tensor, alpha: float) -> Tensor:
    """A tensor between two; one of them at the ends, and of whole numbers, such as a count of batches."""
    if 0 < alpha < 1 and first.is_floating_point():
        return torch.lerp(first, second, alpha)
    return first if alpha < 0.5 else second


def _join(first: str, second: str) -> str:
    return first if first == second or not second else f"{first}; {second}" if first else second


def _check_same_network(first: Loaded, second: Loaded) -> None:
    """Refuse two models whose weights do not mean the same."""
    if first.info.network != second.info.network:
        raise ModelError(
            f"{first.info.name} is a {first.info.network} and {second.info.name} a {second.info.network}; only two "
            "models of one network can be interpolated, best one that was trained from the other."
        )
    shapes = [{key: tuple(value.shape) for key, value in each.module.state_dict().items()} for each in (first, second)]
    mine, others = (_arguments(each) for each in (first, second))
    if differ := sorted(key for key in mine.keys() | others.keys() if mine.get(key) != others.get(key)):
        texts = ", ".join(f"{key} = {mine.get(key)} and {others.get(key)}" for key in differ)
        raise ModelError(f"{first.info.name} and {second.info.name} differ: {texts}. Their weights do not fit.")
    if shapes[0] != shapes[1]:
        raise ModelError(f"{first.info.name} and {second.info.name} have weights of different shapes.")


def _arguments(loaded: Loaded) -> dict[str, JSON]:
    return {**loaded.info.arguments, "scale": loaded.info.scale, "value_range": loaded.module.value_range}
