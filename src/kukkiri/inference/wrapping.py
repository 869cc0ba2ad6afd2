"""Seamless textures: margins taken from the other side, so that tiles of the result join without a seam."""

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from kukkiri.images import Image, bleed
from kukkiri.inference.engine import Engine
from kukkiri.inference.tiling import choose_overlap
from kukkiri.resampling import resize

__all__ = ["find_wrap_margin", "resize_wrapped", "upscale_wrapped"]

Plane = NDArray[np.float32]
_AROUND = 8  # LR pixels that chroma, alpha and corrections of the result read beside the networks


def find_wrap_margin(engines: Sequence[Engine]) -> int:
    """Return the pixels of the image on each side that a result depends on, a multiple of every network's multiple."""
    margin, scale = float(_AROUND), 1
    for engine in engines:
        margin += choose_overlap(engine) / (1 if engine.info.pre_upsampled else scale)
        scale *= engine.info.scale
    multiple = math.lcm(*(engine.info.multiple for engine in engines))
    return -(-math.ceil(margin) // multiple) * multiple


def upscale_wrapped(
    image: Image, upscale: Callable[[Image], Image], *, margin: int, factor: int, output_size: tuple[int, int]
) -> Image:
    """Upscale a seamless texture.

    Args:
        image: its left side continues its right side, and its top its bottom.
        upscale: gives ``factor`` times the size.
        margin: pixels from the other side that ``upscale`` is given on each side.
        factor: a whole number.
        output_size: (height, width) of the result, met by an antialiased bicubic resize that wraps, too.
    """
    sr = upscale(_pad(image, margin))
    cut = factor * margin
    height, width = (factor * side for side in image.size)
    inside = np.s_[cut : cut + height, cut : cut + width]
    alpha = None if sr.alpha is None else np.ascontiguousarray(sr.alpha[inside])
    cropped = dataclasses.replace(sr, colour=np.ascontiguousarray(sr.colour[inside]), alpha=alpha)
    return cropped if cropped.size == output_size else _resize(cropped, output_size, kernel="cubic")


def resize_wrapped(image: Image, output_size: tuple[int, int], *, kernel: str) -> Image:
    """Resize a seamless texture by an interpolation; its hidden colours first take those around them."""
    if image.alpha is not None:
        margin = max(
            _AROUND, 2 * _AROUND * image.size[0] // output_size[0], 2 * _AROUND * image.size[1] // output_size[1]
        )
        padded = _pad(image, margin)
        inside = np.s_[margin : margin + image.size[0], margin : margin + image.size[1]]
        alpha = padded.alpha if padded.alpha is not None else np.ones(padded.size, np.float32)
        image = dataclasses.replace(image, colour=np.ascontiguousarray(bleed(padded.colour, alpha)[inside]))
    return _resize(image, output_size, kernel=kernel)


def _pad(image: Image, margin: int) -> Image:
    sides = ((margin, margin), (margin, margin))
    alpha = None if image.alpha is None else np.pad(image.alpha, sides, mode="wrap")
    return dataclasses.replace(image, colour=np.pad(image.colour, (*sides, (0, 0)), mode="wrap"), alpha=alpha)


def _resize(image: Image, size: tuple[int, int], *, kernel: str) -> Image:
    def resized(values: Plane) -> Plane:
        return np.clip(resize(values, output_size=size, kernel=kernel, border="wrap"), 0, 1)

    return dataclasses.replace(
        image, colour=resized(image.colour), alpha=None if image.alpha is None else resized(image.alpha)
    )
