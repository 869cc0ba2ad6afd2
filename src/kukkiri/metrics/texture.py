"""Texture statistic: how far the local strength of detail is from that of the ground truth, whatever its phase.

A Laplacian pyramid without subsampling splits luma into octaves of frequency; in each, the standard deviations of both
images over small blocks are compared. Detail in the wrong place but of the right strength counts as right, blur and
noise do not; compare PSNR, which counts invented detail twice.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.metrics.border import cut_border, make_value
from kukkiri.metrics.metric import Metric

__all__ = ["TEXTURE", "texture_difference"]

Float64 = NDArray[np.float64]
_OCTAVES = 3
_BLOCK = 16
_SMALLEST = 2 * _BLOCK
_FLOOR = 1.0  # level of 0..255 that is added to the deviations, so that what nobody sees counts little
_WEIGHTS = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16  # Burt & Adelson 1983, a = 3/8


def texture_difference(hr: NDArray[Any], sr: NDArray[Any], *, border: int = 0) -> float:
    """Mean absolute difference of the local strength of detail, in octaves: 1 is half or twice as strong.

    Args:
        hr: (H, W) or (H, W, C) on 0..255, at least 32 pixels along each side after the cut.
        sr: the same shape.
        border: pixels cut from each side first.

    Returns:
        0 for equal images; the mean over three octaves of frequency, over blocks of 16x16, and over channels.

    Raises:
        ValueError: the shapes differ, or a side is too small.
    """
    cut = cut_border(hr, sr, border=border, smallest=_SMALLEST, metric="texture")
    strengths = [_strengths(np.atleast_3d(image)) for image in cut]
    return float(np.abs(np.log2((strengths[1] + _FLOOR) / (strengths[0] + _FLOOR))).mean())


def _strengths(image: Float64) -> Float64:
    """Standard deviations over blocks, (octaves, rows, columns, C)."""
    found = []
    for octave in range(_OCTAVES):
        low = _smooth(image, step=2**octave)
        found.append(np.sqrt(_block_means(np.square(image - low))))
        image = low
    return np.stack(found)


def _smooth(image: Float64, *, step: int) -> Float64:
    """The binomial filter with its five taps ``step`` pixels apart, mirrored at the border."""
    for axis in (0, 1):
        reach = 2 * step
        pad = [(reach, reach) if each == axis else (0, 0) for each in range(3)]
        padded, length = np.pad(image, pad, mode="symmetric"), image.shape[axis]
        taps = (padded.take(range(step * tap, step * tap + length), axis=axis) for tap in range(5))
        image = sum((weight * tap for weight, tap in zip(_WEIGHTS, taps, strict=True)), np.zeros_like(image))
    return image


def _block_means(image: Float64) -> Float64:
    """Means over whole blocks; what is left over at the right and at the bottom counts for nothing."""
    rows, columns = image.shape[0] // _BLOCK, image.shape[1] // _BLOCK
    cut = image[: rows * _BLOCK, : columns * _BLOCK]
    means: Float64 = cut.reshape(rows, _BLOCK, columns, _BLOCK, -1).mean(axis=(1, 3))
    return means


TEXTURE = Metric(
    "Texture (octaves)",
    make_value(texture_difference, smallest=_SMALLEST),
    higher_is_better=False,
    summary="difference of the strength of detail in blocks of 16x16, three octaves of frequency; 1 is half or twice",
    needs=f"{_SMALLEST} pixels along each side after the cut",
    digits=3,
)
