"""The patches that ZSSR learns from: crops of the image, flipped, turned, shrunk and sheared at random."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Augmentation", "sample_hr_crop"]


@dataclass(frozen=True)
class Augmentation:
    """How often, and how far, a father differs from the image; the defaults are ZSSR's for a bicubic son."""

    untouched: float = 0.05
    """Probability of a plain crop."""
    turned: float = 0.45
    """Probability of flips and quarter turns only; what is left is the probability of an affine map."""
    smallest: float = 0.5
    """The affine map shrinks by a factor between this and 1."""
    scale_difference: float = 0.25
    """Standard deviation of the ratio between the factors of the two axes, around 1."""
    shear: float = 0.1
    """Standard deviation of the shear."""
    rotate: bool = True
    """Turn: by any angle in the affine map, by quarters in the others. Without, flips only."""


def sample_hr_crop(
    images: Sequence[Tensor], size: tuple[int, int], *, augmentation: Augmentation, rng: np.random.Generator
) -> Tensor:
    """Draw one training target.

    Args:
        images: (1, C, H, W) each, [0, 1], no smaller than ``size``; one is chosen.
        size: (height, width) of the crop.
        augmentation: probabilities and ranges.
        rng: the only source of chance.

    Returns:
        (1, C, height, width), clamped to [0, 1].
    """
    image = images[int(rng.integers(len(images)))]
    kind = rng.random()
    if kind < augmentation.untouched:
        return _crop(image, size, rng=rng)
    turns = int(rng.integers(4)) if augmentation.rotate else 0
    flip = bool(rng.integers(2))
    if kind < augmentation.untouched + augmentation.turned:
        shape = size if turns % 2 == 0 else size[::-1]
        if shape[0] > image.shape[-2] or shape[1] > image.shape[-1]:  # a long crop of a narrow image
            turns, shape = 2 * (turns // 2), size
        father = torch.rot90(_crop(image, shape, rng=rng), turns, (-2, -1))
        return father.flip(-1) if flip else father
    return _warped(image, _affine(augmentation, rng=rng, flip=flip), size, rng=rng)


def _crop(image: Tensor, size: tuple[int, int], *, rng: np.random.Generator) -> Tensor:
    top, left = (int(rng.integers(side - taken + 1)) for side, taken in zip(image.shape[-2:], size, strict=True))
    return image[..., top : top + size[0], left : left + size[1]]


def _affine(augmentation: Augmentation, *, rng: np.random.Generator, flip: bool) -> np.ndarray:
    """The 2x2 matrix, in (x, y), from a place in the father to a place in the image, about their centres."""
    scale = rng.uniform(augmentation.smallest, 1.0)
    ratio = 1 + augmentation.scale_difference * rng.standard_normal()
    across = float(np.clip(scale * ratio, augmentation.smallest, 1.0))
    shear_x, shear_y = augmentation.shear * rng.standard_normal(2)
    angle = rng.uniform(0, 2 * math.pi) if augmentation.rotate else 0.0
    cosine, sine = math.cos(angle), math.sin(angle)
    shrink = np.diag([across * (-1 if flip else 1), scale])
    shear = np.array([[1.0, shear_x], [shear_y, 1.0]])
    forward = np.array([[cosine, -sine], [sine, cosine]]) @ shear @ shrink
    return np.linalg.inv(forward)


def _warped(image: Tensor, matrix: np.ndarray, size: tuple[int, int], *, rng: np.random.Generator) -> Tensor:
    """Read a crop through an affine map by bicubic interpolation (a = -0.75), mirrored outside the image."""
    height, width = image.shape[-2:]
    reach = np.abs(matrix) @ np.array([size[1], size[0]]) / 2  # half extent in the image, x and y
    centre = [
        rng.uniform(low, side - low) if (low := min(extent, side / 2)) < side / 2 else side / 2
        for extent, side in zip(reach, (width, height), strict=True)
    ]
    y, x = np.mgrid[: size[0], : size[1]]
    places = np.stack([x + 0.5 - size[1] / 2, y + 0.5 - size[0] / 2], axis=-1) @ matrix.T + centre
    grid = torch.from_numpy(places * 2 / (width, height) - 1).to(image)[None]
    warped = functional.grid_sample(image, grid, mode="bicubic", padding_mode="reflection", align_corners=False)
    return warped.clamp(0, 1)
