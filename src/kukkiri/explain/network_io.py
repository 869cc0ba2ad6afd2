"""LR images as a network takes them, and what it gives back as an image (torch)."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kukkiri.errors import ConfigError, ImageError, ModelError
from kukkiri.images import read_image, rgb_to_y
from kukkiri.networks import Network
from kukkiri.resampling.tensors import resize_tensor

__all__ = ["Crop", "read_lr", "refuse_conditions", "to_tensor", "upscale_array", "upscale_tensor"]

Crop = tuple[int, int, int, int]
"""(left, top, width, height) in pixels of the input."""

_MOST_PIXELS = 2**20  # of an LR image here: all features of the network are in memory at one time


def read_lr(path: Path, *, crop: Crop | None = None) -> NDArray[np.float32]:
    """Read an LR image, or a crop of it, that is small enough to explain a network on.

    Returns:
        (H, W, 1 or 3), [0, 1].

    Raises:
        ConfigError: the crop is not inside the image.
        ImageError: the image cannot be read, or more than 2^20 pixels are left.
    """
    colour = read_image(path).colour
    height, width = colour.shape[:2]
    if crop is not None:
        left, top, columns, rows = crop
        if min(left, top) < 0 or min(columns, rows) < 1 or left + columns > width or top + rows > height:
            shown = ",".join(map(str, crop))
            raise ConfigError(f"--crop {shown} is not inside {path} of {width}x{height} pixels.")
        colour = colour[top : top + rows, left : left + columns]
    if colour.shape[0] * colour.shape[1] > _MOST_PIXELS:
        raise ImageError(
            f"{path}: {colour.shape[1]}x{colour.shape[0]} pixels are too many to explain a network on; expected at "
            f"most {_MOST_PIXELS}. Add --crop LEFT,TOP,WIDTH,HEIGHT."
        )
    return colour


def refuse_conditions(network: Network) -> None:
    """Refuse a network that needs more than an image.

    Raises:
        ModelError: it is conditioned on a kernel or the like.
    """
    if getattr(network, "conditions", ()):  # any module can be explained
        raise ModelError(
            f"{type(network).__name__} is conditioned on {', '.join(network.conditions)}, not only on the image. "
            "Use it from Python, through kukkiri.load."
        )


def to_tensor(network: Network, image: NDArray[np.float32]) -> Tensor:
    """(H, W, 1 or 3) in [0, 1] to (1, C, H, W) in the network's colour, on its device."""
    if network.colour == "y":
        image = image if image.shape[2] == 1 else rgb_to_y(image)[..., None]
    elif image.shape[2] == 1:
        image = np.repeat(image, 3, axis=2)
    first = next(network.parameters())
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None])).to(first)


def upscale_tensor(network: Network, lr: Tensor) -> Tensor:
    """Sr in [0, 1] from lr in [0, 1], through the bicubic upscaling that a network may want first."""
    if network.pre_upsampled:
        lr = resize_tensor(lr, scale=network.scale)
    sr: Tensor = network(lr * network.value_range) / network.value_range
    return sr


def upscale_array(network: Network, lr: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sr (scale*H, scale*W, C) in [0, 1] from lr (H, W, 1 or 3), not clamped; a network on luma gives luma."""
    with torch.no_grad():
        sr = upscale_tensor(network, to_tensor(network, lr))
    return np.asarray(sr[0].permute(1, 2, 0).float().cpu().numpy())
