"""Colour and alpha around a network: an image is split into the network's planes, and its result is joined again.

In MATLAB's studio range (``kukkiri.images.rgb_to_y``) RGB is a sum, (R, G, B) = k (Y - 16/255) + (P, G', Q),
where k = 255/219 and (P, G', Q) carries no luma; G' follows from P and Q. Upscaling P and Q is upscaling Cb and Cr,
for interpolation is linear; so two planes are interpolated and one addition each makes R, G and B.
"""

import dataclasses
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kukkiri.images import Image, bleed, rgb_to_y
from kukkiri.inference.alpha_resize import resize_alpha
from kukkiri.inference.bounds import hold_to_lr
from kukkiri.inference.parts import Part
from kukkiri.inference.strip_threads import run_strips
from kukkiri.resampling import StripResize

__all__ = ["ColourPlan", "interleave", "is_grey", "join_colour", "split_colour"]

Plane = NDArray[np.float32]

_BLACK = np.float32(16 / 255)
_GAIN = np.float32(255 / 219)
_STRIP = 2**16  # pixels whose planes stay in the cache while they are added up: 2**15 to 2**17 are equally fast
_RED, _BLUE = np.float32(-65.481 / 128.553), np.float32(-24.966 / 128.553)


class ColourPlan:
    """The planes of one image that a network upscales, and the way back from its result to an image.

    ==============  ==================================  =====================
    planes          of a colour image                   of a grey image
    ==============  ==================================  =====================
    ``y``           luma; chroma is interpolated        luma of R = G = B
    ``rgb``         R, G and B                          the same plane thrice
    ==============  ==================================  =====================

    Chroma and alpha are upscaled by bicubic interpolation; transparent pixels first take the colours around them.
    """

    planes: Plane
    """(1, 1 or 3, H, W), [0, 1]: the input of the network."""

    def __init__(self, image: Image, colour: Literal["y", "rgb"]) -> None:
        """Split an image.

        Args:
            image: any.
            colour: the planes that the network takes, see :attr:`kukkiri.ModelInfo.colour`.
        """
        self._image = image
        rgb = image.colour if image.alpha is None else bleed(image.colour, image.alpha)
        self._rgb = rgb
        self._grey = is_grey(rgb)
        self._chroma: tuple[Plane, Plane] | None = None
        self._luma = colour == "y"
        if self._grey:
            grey = rgb[None, None, ..., 0]
            self.planes = _grey_to_luma(grey) if self._luma else np.repeat(grey, 3, axis=1)
        elif self._luma:
            y, red, blue = split_colour(rgb)
            self._chroma = red, blue
            self.planes = y[None, None]
        else:
            self.planes = rgb.transpose(2, 0, 1)[None]

    def join(self, sr: Plane, *, bounded: bool = False, part: Part | None = None, threads: int = 1) -> Image:
        """Make the image of what the network gave.

        Args:
            sr: (1, 1 or 3, sH, sW), not clamped; it may be written over.
            bounded: hold each channel to the image, see :func:`hold_to_lr`.
            part: where the rows of the image and of ``sr`` lie in the whole, when they are not all; without alpha.
            threads: that work on strips, whose height does not depend on them, and so neither does the result.

        Returns:
            The upscaled image, clamped to [0, 1], with the metadata of the one that was split.
        """
        size = (sr.shape[2], sr.shape[3])
        alpha = self._image.alpha
        return dataclasses.replace(
            self._image,
            colour=self._join_colour(sr[0], bounded=bounded, part=part, threads=threads),
            alpha=None if alpha is None else resize_alpha(alpha, size),
        )

    def _join_colour(self, sr: Plane, *, bounded: bool, part: Part | None, threads: int) -> Plane:
        lr = self._rgb
        if self._chroma is not None:
            colour = join_colour(sr[0], *self._chroma, part=part, threads=threads)
        elif not self._grey:
            colour = interleave(sr, threads=threads)
        else:
            lr = lr[..., :1]
            grey = _luma_to_grey(sr[0]) if self._luma else sr.mean(axis=0)
            colour = np.clip(grey, 0, 1, out=grey)[..., None]
        if bounded:
            hold_to_lr(colour, lr, part=part, threads=threads)
        channels = self._image.colour.shape[2]
        return colour if colour.shape[2] == channels else np.repeat(colour, channels, axis=2)


def is_grey(colour: Plane) -> bool:
    """True when (H, W, C) has one channel, or three that are equal everywhere."""
    if colour.shape[2] == 1:
        return True
    red = colour[..., 0]
    return bool(np.array_equal(red, colour[..., 1]) and np.array_equal(red, colour[..., 2]))


def split_colour(rgb: Plane) -> tuple[Plane, Plane, Plane]:
    """Take luma and chroma of an image apart.

    Args:
        rgb: (H, W, 3), [0, 1].

    Returns:
        Y, (H, W), and the planes P and Q, (H, W) each: what R and B have beyond their luma.
    """
    y = rgb_to_y(rgb)
    grey = _luma_to_grey(y)
    return y, rgb[..., 0] - grey, rgb[..., 2] - grey


def join_colour(luma: Plane, red: Plane, blue: Plane, *, part: Part | None = None, threads: int = 1) -> Plane:
    """Join luma and chroma strip by strip, so that only the result is whole in memory.

    Args:
        luma: Y, (sH, sW), from the network.
        red: P, (H, W), as :func:`split_colour` gave it.
        blue: Q, (H, W).
        part: where these rows lie in the whole, when they are not all.
        threads: that work on strips; the strips, and so the bits of the result, do not depend on their number.

    Returns:
        RGB, (sH, sW, 3), clamped to [0, 1].
    """
    height, width = luma.shape
    part = part or Part.whole(len(red), height)
    chroma = StripResize(
        np.stack((red, blue)), output_size=(part.output_height, width), height=part.height, first=part.first
    )
    rgb = np.empty((height, width, 3), dtype=np.float32)
    rows = max(1, _STRIP // width)

    def join(first: int) -> None:
        last = min(first + rows, height)
        _join_strip(luma[first:last], *chroma.rows(part.row + first, part.row + last), out=rgb[first:last])

    run_strips(join, range(0, height, rows), threads=threads)
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

    run_strips(fill, range(0, height, rows), threads=threads)
    return image


def _grey_to_luma(grey: Plane) -> Plane:
    """Luma of grey taken as R = G = B: [0, 1] to [16/255, 235/255]."""
    return grey / _GAIN + _BLACK


def _luma_to_grey(luma: Plane) -> Plane:
    """The inverse of :func:`_grey_to_luma`."""
    return (luma - _BLACK) * _GAIN


def _join_strip(luma: Plane, red: Plane, blue: Plane, *, out: Plane) -> None:
    """R = grey + P, G = grey + G', B = grey + Q with G' from P and Q; ``red`` and ``blue`` are written over."""
    grey = _luma_to_grey(luma)
    np.clip(grey + red, 0, 1, out=out[..., 0])
    np.clip(grey + blue, 0, 1, out=out[..., 2])
    grey += np.multiply(red, _RED, out=red)
    grey += np.multiply(blue, _BLUE, out=blue)
    np.clip(grey, 0, 1, out=out[..., 1])
