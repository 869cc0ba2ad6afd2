"""Colour around a luma network: Y goes through the network, chroma is upscaled by bicubic interpolation.

In MATLAB's studio range (``kukkiri.images.rgb_to_y``) RGB is a sum, (R, G, B) = k (Y - 16/255) + (P, G', Q),
where k = 255/219 and (P, G', Q) carries no luma; G' follows from P and Q. Upscaling P and Q is upscaling Cb and Cr,
for interpolation is linear; so two planes are interpolated and one addition each makes R, G and B.
"""

import numpy as np
from numpy.typing import NDArray

from kukkiri.images import rgb_to_y
from kukkiri.inference.strip_threads import each_strip
from kukkiri.resampling import StripResize

__all__ = ["grey_to_luma", "interleave", "is_grey", "join_colour", "luma_to_grey", "split_colour"]

Plane = NDArray[np.float32]

_BLACK = np.float32(16 / 255)
_GAIN = np.float32(255 / 219)
_STRIP = 2**16  # pixels whose planes stay in the cache while they are added up: 2**15 to 2**17 are equally fast
_RED, _BLUE = np.float32(-65.481 / 128.553), np.float32(-24.966 / 128.553)


def is_grey(colour: Plane) -> bool:
    """Whether (H, W, C) has one channel, or three that are equal everywhere."""
    if colour.shape[2] == 1:
        return True
    red = colour[..., 0]
    return bool(np.array_equal(red, colour[..., 1]) and np.array_equal(red, colour[..., 2]))


def grey_to_luma(grey: Plane) -> Plane:
    """Luma of grey taken as R = G = B: [0, 1] to [16/255, 235/255]."""
    return grey / _GAIN + _BLACK


def luma_to_grey(luma: Plane) -> Plane:
    """The inverse of :func:`grey_to_luma`."""
    return (luma - _BLACK) * _GAIN


def split_colour(rgb: Plane) -> tuple[Plane, Plane, Plane]:
    """Take an image apart.

    Args:
        rgb: (H, W, 3), [0, 1].

    Returns:
        Y, (H, W), and the planes P and Q, (H, W) each: what R and B have beyond their luma.
    """
    y = rgb_to_y(rgb)
    grey = luma_to_grey(y)
    return y, rgb[..., 0] - grey, rgb[..., 2] - grey


def join_colour(luma: Plane, red: Plane, blue: Plane, *, threads: int = 1) -> Plane:
    """Put an image together again, strip by strip, so that only the result is whole in memory.

    Args:
        luma: Y, (sH, sW), from the network.
        red: P, (H, W), as :func:`split_colour` gave it.
        blue: Q, (H, W).
        threads: that work on strips; the result does not depend on them.

    Returns:
        RGB, (sH, sW, 3), clamped to [0, 1].
    """
    height, width = luma.shape
    chroma = StripResize(np.stack((red, blue)), output_size=(height, width))
    rgb = np.empty((height, width, 3), dtype=np.float32)
    rows = max(1, _STRIP // width)

    def join(first: int) -> None:
        last = min(first + rows, height)
        _join_strip(luma[first:last], *chroma.rows(first, last), out=rgb[first:last])

    each_strip(join, range(0, height, rows), threads=threads)
    return rgb


def interleave(planes: Plane, *, threads: int = 1) -> Plane:
    """Planes (C, H, W) of a network to an image (H, W, C), clamped to [0, 1]."""
    channels, height, width = planes.shape
    image = np.empty((height, width, channels), dtype=np.float32)
    rows = max(1, _STRIP // width)

    def fill(first: int) -> None:
        strip = slice(first, first + rows)
        for channel in range(channels):
            np.clip(planes[channel, strip], 0, 1, out=image[strip, :, channel])

    each_strip(fill, range(0, height, rows), threads=threads)
    return image


def _join_strip(luma: Plane, red: Plane, blue: Plane, *, out: Plane) -> None:
    """R = grey + P, G = grey + G', B = grey + Q with G' from P and Q; ``red`` and ``blue`` are written over."""
    grey = luma_to_grey(luma)
    np.clip(grey + red, 0, 1, out=out[..., 0])
    np.clip(grey + blue, 0, 1, out=out[..., 2])
    grey += np.multiply(red, _RED, out=red)
    grey += np.multiply(blue, _BLUE, out=blue)
    np.clip(grey, 0, 1, out=out[..., 1])
