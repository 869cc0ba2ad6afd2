"""The four-quadrant inference with which EDSR, RCAN and SAN published their numbers."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["chop", "quantize_as_published"]

Sample = TypeVar("Sample", bound=np.generic)


def chop(
    lr: NDArray[Sample],
    upscale: Callable[[NDArray[Sample]], NDArray[Sample]],
    *,
    scale: int,
    shave: int = 10,
    min_size: int = 160_000,
) -> NDArray[Sample]:
    """Upscale the four quadrants of an image, each with some pixels of its neighbours, and join them.

    The image is always split once. A quadrant (half a side, rounded down, plus ``shave``) of ``min_size``
    pixels or more is split again. The halves meet at ``H // 2`` and ``W // 2``, without a blend. A network with
    global statistics (RCAN, SAN) sees a quadrant only, so its published pixels are these, not those of the
    whole image; a network with a smaller receptive field than ``shave`` gives the same either way (on an odd side
    the second half has one pixel less of the first).

    Args:
        lr: (H, W) or (H, W, C), any range.
        upscale: maps an array like ``lr`` of any size to one ``scale`` times as large.
        scale: of ``upscale``, at least 1.
        shave: LR pixels of overlap, at least 1; the official 10.
        min_size: pixels of a quadrant from which on it is split again; the official 160,000.

    Returns:
        sr, (scale*H, scale*W[, C]), of the range and dtype that ``upscale`` gives.

    Raises:
        ValueError: an argument is out of range, or ``upscale`` gives another size.

    Reference: ``forward_chop`` in the test code of RCAN and SAN. Differs for a side shorter than 2 * ``shave``,
    on which that code fails: the quadrants end at the image's border there.
    """
    if scale < 1 or shave < 1 or min_size < 1:
        raise ValueError(f"scale, shave and min_size must be at least 1, got {scale}, {shave} and {min_size}")
    h, w = lr.shape[:2]
    height, width = min(h // 2 + shave, h), min(w // 2 + shave, w)
    again = height * width >= min_size and (height < h or width < w)

    def upscaled(rows: slice, columns: slice) -> NDArray[Sample]:
        quadrant = lr[rows, columns]
        if again:
            return chop(quadrant, upscale, scale=scale, shave=shave, min_size=min_size)
        sr = upscale(quadrant)
        expected = (scale * quadrant.shape[0], scale * quadrant.shape[1])
        if sr.shape[:2] != expected:
            raise ValueError(f"upscale mapped {quadrant.shape[:2]} to {sr.shape[:2]}, expected {expected}")
        return sr

    upper, lower = slice(0, height), slice(h - height, h)
    left, right = slice(0, width), slice(w - width, w)
    middle, centre = scale * (h // 2), scale * (w // 2)
    bottom, end = scale * (h - h // 2), scale * (w - w // 2)
    return np.concatenate(
        (
            np.concatenate((upscaled(upper, left)[:middle, :centre], upscaled(upper, right)[:middle, -end:]), axis=1),
            np.concatenate((upscaled(lower, left)[-bottom:, :centre], upscaled(lower, right)[-bottom:, -end:]), axis=1),
        )
    )


def quantize_as_published(sr: NDArray[np.float32] | NDArray[np.float64], *, white: float = 255.0) -> NDArray[np.uint8]:
    """Make the bytes that the official code saves: scaled to 0..255, clamped, rounded half to even.

    Args:
        sr: in units where white is ``white``.
        white: 255.0 or 1.0.
    """
    return np.clip(np.round(sr * (255.0 / white)), 0, 255).astype(np.uint8)
