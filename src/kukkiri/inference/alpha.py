"""Transparency: colour for the pixels that have none, and an alpha channel that stays exactly opaque or clear."""

import numpy as np
from numpy.typing import NDArray

from kukkiri.resampling import resize

__all__ = ["bleed", "resize_alpha"]

Plane = NDArray[np.float32]
_SNAP = 4e-6  # a quarter of a 16-bit level; float32 weights miss 1 by 1e-7


def bleed(colour: Plane, alpha: Plane) -> Plane:
    """Give fully transparent pixels the colour of the visible ones around them.

    Whatever lies under alpha 0 (often black or white) would be mixed into the visible edge by an
    enlargement. It is replaced by the mean of the visible colours in the smallest block of a pyramid (2x2, 4x4,
    ...) that has any, weighted by their alpha.

    Args:
        colour: (H, W, C), not multiplied by alpha.
        alpha: (H, W), [0, 1].

    Returns:
        ``colour`` itself when nothing is hidden or nothing is visible, else a copy; visible pixels are untouched.
    """
    hidden = alpha <= 0
    if not hidden.any() or hidden.all():
        return colour
    filled = _fill(colour * alpha[..., None], alpha)
    return np.where(hidden[..., None], filled, colour)


def _fill(weighted: Plane, weight: Plane) -> Plane:
    """Normalise where there is weight, and take the rest from half the resolution."""
    result = np.divide(weighted, weight[..., None], out=np.zeros_like(weighted), where=weight[..., None] > 0)
    empty = weight <= 0
    if not empty.any():
        return result
    coarse = _fill(_halve(weighted), _halve(weight[..., None])[..., 0])
    height, width = weight.shape
    spread = coarse.repeat(2, axis=0)[:height].repeat(2, axis=1)[:, :width]
    return np.where(empty[..., None], spread, result)


def _halve(values: Plane) -> Plane:
    """Sum blocks of 2x2; an odd last row or column stands alone."""
    height, width, _ = values.shape
    rows = np.add.reduceat(values, np.arange(0, height, 2), axis=0)
    return np.add.reduceat(rows, np.arange(0, width, 2), axis=1)


def resize_alpha(alpha: Plane, size: tuple[int, int]) -> Plane:
    """Resize alpha by bicubic interpolation, exactly 0 and 1 where it was constant.

    Args:
        alpha: (H, W), [0, 1].
        size: (height, width) of the result.

    Returns:
        (height, width), [0, 1].
    """
    resized = resize(alpha, output_size=size)
    resized[resized < _SNAP] = 0
    resized[resized > 1 - _SNAP] = 1
    return resized
