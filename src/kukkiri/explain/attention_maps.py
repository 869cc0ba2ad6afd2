"""Attention weights of a network on an image: of channels, and between positions (torch)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kukkiri.attention import (
    ChannelAttention,
    NonLocal,
    RegionalNonLocal,
    SecondOrderChannelAttention,
    SqueezeExcitation,
)
from kukkiri.errors import ConfigError, ModelError
from kukkiri.explain.figures import make_figure, save_figure
from kukkiri.explain.network_io import refuse_conditions, to_tensor, upscale_tensor
from kukkiri.networks import Network

__all__ = [
    "AttentionMaps",
    "ChannelWeights",
    "PositionWeights",
    "draw_channel_weights",
    "draw_position_weights",
    "find_attention",
    "find_channel_weights",
    "find_position_weights",
]

_CHANNEL = (ChannelAttention, SecondOrderChannelAttention, SqueezeExcitation)
_POSITION = (NonLocal, RegionalNonLocal)


@dataclass(frozen=True)
class ChannelWeights:
    """The factors of the channels in one channel attention."""

    name: str
    """Of the module in the network."""
    order: int
    """1: from means; 2: from covariances."""
    weights: NDArray[np.float32]
    """(C,), in (0, 1)."""


@dataclass(frozen=True)
class PositionWeights:
    """The weights of all positions for one pixel in one non-local module."""

    name: str
    """Of the module, with the number of the call where it is called more than once."""
    weights: NDArray[np.float32]
    """(H, W) of the module's input. The weight of a key that pooling made of several pixels is spread evenly over
    them. Sums to 1 for the Gaussian functions."""


@dataclass(frozen=True)
class AttentionMaps:
    """All attention weights of a network on an image; a list is empty when it has no module of the kind."""

    channels: list[ChannelWeights]
    positions: list[PositionWeights]


def find_attention(network: Network, lr: NDArray[np.float32], *, pixel: tuple[int, int]) -> AttentionMaps:
    """Find the weights of every channel attention and of every non-local module.

    Args:
        network: in evaluation mode.
        lr: (H, W, 1 or 3), [0, 1].
        pixel: (x, y) of the LR image, for the non-local modules.

    Raises:
        ConfigError: the pixel is outside.
        ModelError: the network has neither, or needs more than the image.
    """
    refuse_conditions(network)
    channels = find_channel_weights(network, lr) if _has(network, _CHANNEL) else []
    positions = find_position_weights(network, lr, pixel=pixel) if _has(network, _POSITION) else []
    if not channels and not positions:
        raise ModelError(
            f"{type(network).__name__} has neither channel attention nor non-local modules. "
            "Use kukkiri inspect attribution, which works for every network."
        )
    return AttentionMaps(channels, positions)


def find_channel_weights(network: Network, lr: NDArray[np.float32]) -> list[ChannelWeights]:
    """Find the weights of every channel attention, in the order of the forward pass.

    Args:
        network: in evaluation mode.
        lr: (H, W, 1 or 3), [0, 1].

    Raises:
        ModelError: the network has no channel attention.
    """
    found: list[ChannelWeights] = []

    def note(name: str, module: nn.Module, x: Tensor) -> None:
        order = 2 if isinstance(module, SecondOrderChannelAttention) else 1
        found.append(ChannelWeights(name, order, module.weights(x)[0].cpu().numpy()))  # type: ignore[operator]

    _run(network, lr, _CHANNEL, note)
    if not found:
        raise ModelError(f"{type(network).__name__} has no channel attention. Networks with it: rcan, san.")
    return found


def find_position_weights(
    network: Network, lr: NDArray[np.float32], *, pixel: tuple[int, int]
) -> list[PositionWeights]:
    """Find the weights of all positions for one pixel in every non-local module, in the order of the forward pass.

    Args:
        network: in evaluation mode, with the non-local modules at LR size.
        lr: (H, W, 1 or 3), [0, 1].
        pixel: (x, y) of the LR image.

    Raises:
        ConfigError: the pixel is outside.
        ModelError: the network has no non-local module.
    """
    column, row = pixel
    if not (0 <= column < lr.shape[1] and 0 <= row < lr.shape[0]):
        raise ConfigError(f"pixel {column},{row} is outside the {lr.shape[1]}x{lr.shape[0]} input. Give X,Y inside it.")
    found: list[tuple[str, NDArray[np.float32]]] = []

    def note(name: str, module: nn.Module, x: Tensor) -> None:
        spread = _spread_region_weights if isinstance(module, RegionalNonLocal) else _spread_weights
        found.append((name, spread(module, x, row, column).cpu().numpy()))  # type: ignore[arg-type]

    _run(network, lr, _POSITION, note)
    if not found:
        raise ModelError(f"{type(network).__name__} has no non-local module. Networks with it: san.")
    names = [name for name, _ in found]
    return [
        PositionWeights(f"{name}, call {names[:index].count(name) + 1}" if names.count(name) > 1 else name, weights)
        for index, (name, weights) in enumerate(found)
    ]


def _has(network: Network, kinds: tuple[type[nn.Module], ...]) -> bool:
    return any(isinstance(module, kinds) for module in network.modules())


def _spread_weights(module: NonLocal, x: Tensor, row: int, column: int) -> Tensor:
    weights = module.attention(x, (row, column))[0]
    down, right = module.pooling
    spread = weights.repeat_interleave(down, 0).repeat_interleave(right, 1) / (down * right)
    return nn.functional.pad(spread, (0, x.shape[3] - spread.shape[1], 0, x.shape[2] - spread.shape[0]))


def _spread_region_weights(module: RegionalNonLocal, x: Tensor, row: int, column: int) -> Tensor:
    (top, bottom), (left, right) = (
        next(part for part in pairwise(module.bounds(size)) if part[0] <= place < part[1])
        for size, place in zip(x.shape[2:], (row, column), strict=True)
    )
    whole = x.new_zeros(x.shape[2:])
    whole[top:bottom, left:right] = _spread_weights(
        module.non_local, x[:, :, top:bottom, left:right], row - top, column - left
    )
    return whole


def _run(
    network: Network,
    lr: NDArray[np.float32],
    kinds: tuple[type[nn.Module], ...],
    note: Callable[[str, nn.Module, Tensor], None],
) -> None:
    """Run the network once and call ``note`` with each outermost module of the kinds and its input."""
    matching = [(name, module) for name, module in network.named_modules() if isinstance(module, kinds)]
    nested = {part for _, module in matching for part in module.modules() if part is not module}
    outermost = [(name, module) for name, module in matching if module not in nested]
    with torch.no_grad(), _hooked(outermost, note):
        upscale_tensor(network, to_tensor(network, lr))


@contextmanager
def _hooked(modules: list[tuple[str, Any]], note: Callable[[str, nn.Module, Tensor], None]) -> Iterator[None]:
    handles = [
        module.register_forward_pre_hook(lambda module, inputs, name=name: note(name, module, inputs[0]))
        for name, module in modules
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def draw_channel_weights(found: list[ChannelWeights], path: Path) -> None:
    """Draw one row for each attention and one column for each channel; colours from 0 to 1.

    Raises:
        BackendError: matplotlib is missing.
    """
    width = max(attention.weights.size for attention in found)
    figure = make_figure(4 + 0.1 * width, 1.3 + 0.22 * len(found))
    axes = figure.add_subplot()
    table = np.full((len(found), width), np.nan, np.float32)
    for row, attention in enumerate(found):
        table[row, : attention.weights.size] = attention.weights
    drawn = axes.imshow(table, vmin=0, vmax=1, cmap="viridis", aspect="auto", interpolation="nearest")
    axes.set_yticks(
        range(len(found)), [f"{attention.name} (order {attention.order})" for attention in found], fontsize=7
    )
    axes.set_xlabel("channel")
    figure.colorbar(drawn, label="weight")
    save_figure(figure, path)


def draw_position_weights(
    found: list[PositionWeights], lr: NDArray[np.float32], path: Path, *, pixel: tuple[int, int]
) -> None:
    """Draw the image with the pixel marked, then for each module its weights divided by the largest.

    Raises:
        BackendError: matplotlib is missing.
    """
    height = 3 * lr.shape[0] / lr.shape[1]
    figure = make_figure(3.2 * (1 + len(found)), height + 0.5)
    panels = figure.subplots(1, 1 + len(found), squeeze=False)[0]
    panels[0].imshow(np.broadcast_to(lr, (*lr.shape[:2], 3)))
    panels[0].set_title("input and pixel", fontsize=9)
    for axes, module in zip(panels[1:], found, strict=True):
        grey = lr.mean(axis=2)
        axes.imshow(grey, cmap="gray", vmin=0, vmax=1)
        share = module.weights / max(float(module.weights.max()), 1e-30)
        axes.imshow(share, cmap="inferno", vmin=0, vmax=1, alpha=0.25 + 0.75 * share**0.5)
        axes.set_title(module.name, fontsize=9)
    for axes in panels:
        axes.plot(*pixel, marker="+", color="cyan", markersize=10, markeredgewidth=2)
        axes.set_axis_off()
    save_figure(figure, path)
