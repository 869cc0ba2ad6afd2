"""Colour around a luma network: Y goes through the network, chroma is enlarged by bicubic interpolation.

In MATLAB's studio range (``kukkiri.images.rgb_to_y``) RGB is a sum, (R, G, B) = k (Y - 16/255) + (P, G', Q),
where k = 255/219 and (P, G', Q) carries no luma; G' follows from P and Q. Enlarging P and Q is enlarging Cb and Cr,
for interpolation is linear; so two planes are interpolated and one addition each makes R, G and B.
"""

import numpy as np
from numpy.typing import NDArray

from kukkiri.images import rgb_to_y
from kukkiri.resampling import resize

__all__ = ["grey_to_luma", "is_grey", "join_colour", "luma_to_grey", "split_colour"]

Plane = NDArray[np.float32]

_BLACK = np.float32(16 / 255)
_GAIN = np.float32(255 / 219)
_STRIP = 2**15  # pixels whose planes stay in the cache while they are added up
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
    """Take a picture apart.

    Args:
        rgb: (H, W, 3), [0, 1].

    Returns:
        Y, (H, W), and the planes P and Q, (H, W) each: what R and B have beyond their luma.
    """
    y = rgb_to_y(rgb)
    grey = luma_to_grey(y)
    return y, rgb[..., 0] - grey, rgb[..., 2] - grey


def join_colour(luma: Plane, red: Plane, blue: Plane) -> Plane:
    """Put a picture together again.

    Args:
        luma: Y, (sH, sW), from the network.
        red: P, (H, W), as :func:`split_colour` gave it.
        blue: Q, (H, W).

    Returns:
        RGB, (sH, sW, 3), clamped to [0, 1].
    """
    height, width = luma.shape
    red, blue = (resize(plane, output_size=(height, width)) for plane in (red, blue))
    rgb = np.empty((height, width, 3), dtype=np.float32)
    rows = max(1, _STRIP // width)
    for first in range(0, height, rows):
        strip = slice(first, first + rows)
        grey = luma_to_grey(luma[strip])
        p, q = red[strip], blue[strip]
        for channel, plane in enumerate((grey + p, grey + _RED * p + _BLUE * q, grey + q)):
            rgb[strip, :, channel] = np.clip(plane, 0, 1, out=plane)
    return rgb
