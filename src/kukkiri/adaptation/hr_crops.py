"""ZSSR's training targets, HR crops: crops of the image, flipped, rotated, downscaled and sheared at random."""

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
    """Probabilities and ranges of the augmentation of HR crops; the defaults are ZSSR's for bicubic downscaling."""

    untouched: float = 0.05
    """Probability of a crop without augmentation."""
    dihedral: float = 0.45
    """Probability of flips and 90-degree rotations only; the remaining probability is that of an affine map."""
    smallest: float = 0.5
    """The affine map downscales by a factor between this and 1."""
    scale_difference: float = 0.25
    """Standard deviation of the ratio between the factors of the two axes, around 1."""
    shear: float = 0.1
    """Standard deviation of the shear."""
    rotate: bool = True
    """Rotate: by any angle in the affine map, by multiples of 90 degrees in the others. False: flips only."""


def sample_hr_crop(
    images: Sequence[Tensor], size: tuple[int, int], *, augmentation: Augmentation, rng: np.random.Generator
) -> Tensor:
    """Sample one training target.

    Args:
        images: (1, C, H, W) each, [0, 1], no smaller than ``size``; one is chosen at random.
        size: (height, width) of the crop.
        augmentation: probabilities and ranges.
        rng: the only source of random numbers.

    Returns:
        (1, C, height, width), clamped to [0, 1].
    """
    image = images[int(rng.integers(len(images)))]
    kind = rng.random()
    if kind < augmentation.untouched:
        return _crop(image, size, rng=rng)
    quarters = int(rng.integers(4)) if augmentation.rotate else 0
    flip = bool(rng.integers(2))
    if kind < augmentation.untouched + augmentation.dihedral:
        shape = size if quarters % 2 == 0 else size[::-1]
        if shape[0] > image.shape[-2] or shape[1] > image.shape[-1]:  # a long crop of a narrow image
            quarters, shape = 2 * (quarters // 2), size
        crop = torch.rot90(_crop(image, shape, rng=rng), quarters, (-2, -1))
        return crop.flip(-1) if flip else crop
    return _warp(image, _sample_affine(augmentation, rng=rng, flip=flip), size, rng=rng)


def _crop(image: Tensor, size: tuple[int, int], *, rng: np.random.Generator) -> Tensor:
    top, left = (int(rng.integers(side - taken + 1)) for side, taken in zip(image.shape[-2:], size, strict=True))
    return image[..., top : top + size[0], left : left + size[1]]


def _sample_affine(augmentation: Augmentation, *, rng: np.random.Generator, flip: bool) -> np.ndarray:
    """Sample the 2x2 matrix, in (x, y), from positions in the crop to positions in the image, about their centres."""
    scale = rng.uniform(augmentation.smallest, 1.0)
    ratio = 1 + augmentation.scale_difference * rng.standard_normal()
    across = float(np.clip(scale * ratio, augmentation.smallest, 1.0))
    shear_x, shear_y = augmentation.shear * rng.standard_normal(2)
    angle = rng.uniform(0, 2 * math.pi) if augmentation.rotate else 0.0
    cosine, sine = math.cos(angle), math.sin(angle)
    downscale = np.diag([across * (-1 if flip else 1), scale])
    shear = np.array([[1.0, shear_x], [shear_y, 1.0]])
    forward = np.array([[cosine, -sine], [sine, cosine]]) @ shear @ downscale
    return np.linalg.inv(forward)


def _warp(image: Tensor, matrix: np.ndarray, size: tuple[int, int], *, rng: np.random.Generator) -> Tensor:
    """Sample a crop through an affine map by bicubic interpolation (a = -0.75), mirrored outside the image."""
    height, width = image.shape[-2:]
    half_extent = np.abs(matrix) @ np.array([size[1], size[0]]) / 2  # of the crop in the image, x and y
    centre = [
        rng.uniform(low, side - low) if (low := min(half, side / 2)) < side / 2 else side / 2
        for half, side in zip(half_extent, (width, height), strict=True)
    ]
    y, x = np.mgrid[: size[0], : size[1]]
    positions = np.stack([x + 0.5 - size[1] / 2, y + 0.5 - size[0] / 2], axis=-1) @ matrix.T + centre
    grid = torch.from_numpy(positions * 2 / (width, height) - 1).to(image)[None]
    warped = functional.grid_sample(image, grid, mode="bicubic", padding_mode="reflection", align_corners=False)
    return warped.clamp(0, 1)
