"""What the attention of a network does on an image: weights of channels, weights between positions.

Needs torch; imported on demand.
"""

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
from kukkiri.explain.attribution import new_figure, to_tensor, upscale
from kukkiri.networks import Network

__all__ = [
    "ChannelWeights",
    "PositionWeights",
    "channel_weights",
    "draw_channel_weights",
    "draw_position_weights",
    "position_weights",
]

_CHANNEL = (ChannelAttention, SecondOrderChannelAttention, SqueezeExcitation)
_POSITION = (NonLocal, RegionalNonLocal)


@dataclass(frozen=True)
class ChannelWeights:
    """What one channel attention multiplies its channels by."""

    name: str
    """Of the module in the network."""
    order: int
    """1: from means; 2: from covariances."""
    weights: NDArray[np.float32]
    """(C,), in (0, 1)."""


@dataclass(frozen=True)
class PositionWeights:
    """Where one non-local module looks from one pixel."""

    name: str
    """Of the module, with the number of the call where it is called more than once."""
    weights: NDArray[np.float32]
    """(H, W) of the module's input: the weight of each position; what keys share after pooling is spread
    evenly over their pixels. Sums to 1 for the Gaussian functions."""


def channel_weights(network: Network, lr: NDArray[np.float32]) -> list[ChannelWeights]:
    """The weights of every channel attention, in the order of the forward pass.

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


def position_weights(network: Network, lr: NDArray[np.float32], *, pixel: tuple[int, int]) -> list[PositionWeights]:
    """Where every non-local module looks from one pixel, in the order of the forward pass.

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
        look = _look_in_region if isinstance(module, RegionalNonLocal) else _look
        found.append((name, look(module, x, row, column).cpu().numpy()))  # type: ignore[arg-type]

    _run(network, lr, _POSITION, note)
    if not found:
        raise ModelError(f"{type(network).__name__} has no non-local module. Networks with it: san.")
    names = [name for name, _ in found]
    return [
        PositionWeights(f"{name}, call {names[:index].count(name) + 1}" if names.count(name) > 1 else name, weights)
        for index, (name, weights) in enumerate(found)
    ]


def _look(module: NonLocal, x: Tensor, row: int, column: int) -> Tensor:
    weights = module.attention(x, (row, column))[0]
    down, right = module.pooling
    spread = weights.repeat_interleave(down, 0).repeat_interleave(right, 1) / (down * right)
    return nn.functional.pad(spread, (0, x.shape[3] - spread.shape[1], 0, x.shape[2] - spread.shape[0]))


def _look_in_region(module: RegionalNonLocal, x: Tensor, row: int, column: int) -> Tensor:
    (top, bottom), (left, right) = (
        next(part for part in pairwise(module.bounds(size)) if part[0] <= place < part[1])
        for size, place in zip(x.shape[2:], (row, column), strict=True)
    )
    whole = x.new_zeros(x.shape[2:])
    whole[top:bottom, left:right] = _look(module.non_local, x[:, :, top:bottom, left:right], row - top, column - left)
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
        upscale(network, to_tensor(network, lr))


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
    """One row for each attention, one column for each channel; colours from 0 to 1.

    Raises:
        BackendError: matplotlib is missing.
    """
    width = max(one.weights.size for one in found)
    figure = new_figure(4 + 0.1 * width, 1.3 + 0.22 * len(found))
    axes = figure.add_subplot()
    table = np.full((len(found), width), np.nan, np.float32)
    for row, one in enumerate(found):
        table[row, : one.weights.size] = one.weights
    drawn = axes.imshow(table, vmin=0, vmax=1, cmap="viridis", aspect="auto", interpolation="nearest")
    axes.set_yticks(range(len(found)), [f"{one.name} (order {one.order})" for one in found], fontsize=7)
    axes.set_xlabel("channel")
    figure.colorbar(drawn, label="weight")
    figure.savefig(path)


def draw_position_weights(
    found: list[PositionWeights], lr: NDArray[np.float32], path: Path, *, pixel: tuple[int, int]
) -> None:
    """The image with the pixel marked, then for each module where it looks, as a share of its largest weight.

    Raises:
        BackendError: matplotlib is missing.
    """
    height = 3 * lr.shape[0] / lr.shape[1]
    figure = new_figure(3.2 * (1 + len(found)), height + 0.5)
    panels = figure.subplots(1, 1 + len(found), squeeze=False)[0]
    panels[0].imshow(np.broadcast_to(lr, (*lr.shape[:2], 3)))
    panels[0].set_title("input and pixel", fontsize=9)
    for axes, one in zip(panels[1:], found, strict=True):
        grey = lr.mean(axis=2)
        axes.imshow(grey, cmap="gray", vmin=0, vmax=1)
        share = one.weights / max(float(one.weights.max()), 1e-30)
        axes.imshow(share, cmap="inferno", vmin=0, vmax=1, alpha=0.25 + 0.75 * share**0.5)
        axes.set_title(one.name, fontsize=9)
    for axes in panels:
        axes.plot(*pixel, marker="+", color="cyan", markersize=10, markeredgewidth=2)
        axes.set_axis_off()
    figure.savefig(path)
