"""The words about a state dict that belongs to no known network: the nearest one, and the tensors that differ."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from kukkiri.checkpoints.shapes import list_shapes
from kukkiri.info import JSON
from kukkiri.networks import (
    NETWORKS,
    ESRGANDiscriminator,
    SRGANDiscriminator,
)
from kukkiri.networks.state_shapes import write_shapes

__all__ = ["Misfit", "find_misfit", "write_misfits"]

_NEARLY = 0.9
"""Share of the keys from which on a state dict is said to be of a network, and the difference is named."""


@dataclass(frozen=True)
class Misfit:
    """A network whose arguments could be inferred, but whose tensors differ; or why they could not be inferred."""

    network: str
    words: str
    keys: float = 0.0
    """Share of the keys that are the network's."""
    shapes: float = 0.0
    """Share of the keys whose tensors also have the network's shape."""


def _forget_numbers(key: str) -> str:
    return re.sub(r"\d+", "#", key)


def find_misfit(
    network: str, tensors: Mapping[str, Tensor], expected: Mapping[str, torch.Size], *, dialect: str = ""
) -> Misfit | None:
    """Compare tensors with the keys and shapes of a network; ``None``: they are the same."""
    if {key: value.shape for key, value in tensors.items()} == dict(expected):
        return None
    union = len(tensors.keys() | expected.keys())
    common = [key for key in expected if key in tensors]
    same = [key for key in common if tensors[key].shape == expected[key]]
    words = write_shapes({key: value.shape for key, value in tensors.items()}, expected)
    layout = f"as {dialect}: " if dialect else ""
    return Misfit(network, layout + words, len(common) / union, len(same) / union)


def write_misfits(states: Sequence[Mapping[str, Tensor]], misfits: Sequence[Misfit]) -> str:
    """Write that a state dict is unknown, with the nearest network and the first tensor that differs.

    Args:
        states: the state dict, without some of its prefixes and without all of them.
        misfits: of the networks that were tried.
    """
    compared = sorted((misfit for misfit in misfits if misfit.keys), key=lambda misfit: (-misfit.shapes, -misfit.keys))
    if compared and compared[0].keys >= _NEARLY:
        return f"{compared[0].network}, but {compared[0].words}."
    other = next((words for state in states if (words := _name_other_kind(state))), "")
    if other:
        return f"{other}, which does not upscale images. Name the weights of a network that does."
    overlaps = max((_list_overlaps(state) for state in states), key=lambda found: max(found.values(), default=0.0))
    if compared and compared[0].shapes >= max(0.5, *overlaps.values(), 0.0):
        overlaps = {compared[0].network: compared[0].keys, **overlaps}
    best = sorted(overlaps, key=lambda network: -overlaps[network])[:3]
    if not best:
        begins = ", ".join(sorted(states[-1])[:3])
        return f"unknown network, no known one shares its keys ({begins}, ...). Known: {', '.join(NETWORKS)}."
    shares = ", ".join(f"{network} ({overlaps[network]:.0%} of the keys)" for network in best)
    hint = next((misfit.words for misfit in [*compared, *misfits] if misfit.network == best[0]), "")
    return f"unknown network; nearest: {shares}." + (f" As {best[0]}: {hint.rstrip('.')}." if hint else "")


def _list_overlaps(state: Mapping[str, Tensor]) -> dict[str, float]:
    """List the networks that share keys, block numbers ignored, with their shares."""
    ours = {_forget_numbers(key) for key in state}
    overlaps = {}
    for network in NETWORKS:
        theirs = _list_keys(network)
        common = len(ours & theirs) / max(len(ours | theirs), 1)
        if common > 0.1:
            overlaps[network] = common
    return overlaps


def _name_other_kind(state: Mapping[str, Tensor]) -> str:
    """Name the discriminator or the kernel estimator that a state dict belongs to; empty: none that is known."""
    ours = {_forget_numbers(key) for key in state}
    for name, kinds in _OTHER_KINDS.items():
        for keys in kinds():
            if len(ours & keys) >= _NEARLY * len(ours | keys):
                return name
    return ""


def _list_keys_of(kind: type[nn.Module], *variants: Mapping[str, JSON]) -> Callable[[], list[set[str]]]:
    @cache
    def list_them() -> list[set[str]]:
        with torch.device("meta"):
            modules = [kind(**variant) for variant in variants or ({},)]
        return [{_forget_numbers(key) for key in module.state_dict()} for module in modules]

    return list_them


_OTHER_KINDS = {
    "the discriminator of SRGAN": _list_keys_of(
        SRGANDiscriminator, *({"variant": variant} for variant in ("paper", "kernel4", "pooled"))
    ),
    "the discriminator of ESRGAN": _list_keys_of(ESRGANDiscriminator),
}
"""Networks that come beside upscaling ones and are not in the registry."""


def _list_keys(network: str) -> set[str]:
    """List the keys of a network, block numbers ignored."""
    kind = NETWORKS[network]
    shapes = list_shapes(network, kind.tiny[0] if kind.tiny else {"scale": 2})
    return {_forget_numbers(key) for key in shapes or ()}
