"""Seamless textures: margins taken from the other side, so that tiles of the result join without a seam."""

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from kukkiri.images import Image
from kukkiri.inference.alpha_resize import resize_alpha
from kukkiri.inference.engine import Engine
from kukkiri.inference.local_mean import CELL_SIDE, REACH
from kukkiri.inference.tiling import choose_overlap
from kukkiri.resampling import resize

__all__ = ["bleed_wrapped", "find_wrap_margin", "resize_wrapped", "upscale_wrapped"]

Plane = NDArray[np.float32]
_AROUND = REACH + CELL_SIDE  # LR pixels that chroma and the corrections of the result read beside the networks


def find_wrap_margin(engines: Sequence[Engine]) -> int:
    """Return the pixels of the image on each side that a result depends on.

    A multiple of every network's multiple, and of the cells of the local mean, so that these are the same at both ends
    of an image whose sides are multiples, too.
    """
    margin, scale = float(_AROUND), 1
    for engine in engines:
        margin += choose_overlap(engine) / (1 if engine.info.pre_upsampled else scale)
        scale *= engine.info.scale
    multiple = math.lcm(CELL_SIDE, *(engine.info.multiple for engine in engines))
    return -(-math.ceil(margin) // multiple) * multiple


def upscale_wrapped(
    image: Image, upscale: Callable[[Image], Image], *, margin: int, factor: int, output_size: tuple[int, int]
) -> Image:
    """Upscale a seamless texture.

    Args:
        image: its left side continues its right side, and its top its bottom.
        upscale: gives ``factor`` times the size of an image without alpha.
        margin: pixels from the other side that ``upscale`` is given on each side.
        factor: a whole number.
        output_size: (height, width) of the result, met by an antialiased bicubic resize that wraps, too.
    """
    opaque = _hide_alpha(image)
    padded = np.pad(opaque.colour, ((margin, margin), (margin, margin), (0, 0)), mode="wrap")
    sr = upscale(dataclasses.replace(opaque, colour=padded))
    cut = factor * margin
    height, width = (factor * side for side in image.size)
    colour = np.ascontiguousarray(sr.colour[cut : cut + height, cut : cut + width])
    if (height, width) != output_size:
        colour = np.clip(resize(colour, output_size=output_size, border="wrap"), 0, 1)
    return dataclasses.replace(sr, colour=colour, alpha=_resize_alpha(image, output_size))


def resize_wrapped(image: Image, output_size: tuple[int, int], *, kernel: str) -> Image:
    """Resize a seamless texture by an interpolation."""
    colour = resize(_hide_alpha(image).colour, output_size=output_size, kernel=kernel, border="wrap")
    return dataclasses.replace(image, colour=np.clip(colour, 0, 1), alpha=_resize_alpha(image, output_size))


def bleed_wrapped(colour: Plane, alpha: Plane) -> Plane:
    """Give every fully transparent pixel a smooth continuation of the visible colours around it, across the sides.

    Sums of colour and alpha over ever wider B-splines, the à trous algorithm, fill what the narrower ones leave open.
    Unlike :func:`kukkiri.images.bleed`, whose grid begins at the first pixel, it commutes with a cyclic shift.

    Args:
        colour: (H, W, C), not multiplied by alpha.
        alpha: (H, W), [0, 1].

    Returns:
        (H, W, C): ``colour`` where alpha is above 0, unchanged in every bit.
    """
    visible = alpha > 0
    if visible.all() or not visible.any():
        return colour
    weight = alpha[:, :, None]
    levels, step, area = [], 1, 4.0
    sums = np.concatenate([colour * weight, weight], axis=2)
    while True:
        sums = _smooth(sums, step)
        confidence = np.minimum(sums[:, :, -1:] * np.float32(area), np.float32(1))
        shown = np.maximum(sums[:, :, -1:], np.float32(1e-20))
        levels.append((sums[:, :, :-1] / shown, confidence))
        if confidence.min() == 1 or step >= max(alpha.shape):
            break
        step, area = 2 * step, 4 * area
    mean = (colour * weight).sum((0, 1), dtype=np.float64) / weight.sum(dtype=np.float64)
    filled = np.broadcast_to(mean.astype(np.float32), colour.shape)
    for colours, confidence in reversed(levels):
        filled = filled + confidence * (colours - filled)
    return np.where(visible[:, :, None], colour, filled)


def _smooth(values: Plane, step: int) -> Plane:
    """The cyclic filter (1, 2, 1) / 4 along both axes, its taps ``step`` pixels apart."""
    for axis in (0, 1):
        values = 0.5 * values + 0.25 * (np.roll(values, step, axis) + np.roll(values, -step, axis))
    return values


def _hide_alpha(image: Image) -> Image:
    colour = image.colour if image.alpha is None else bleed_wrapped(image.colour, image.alpha)
    return dataclasses.replace(image, colour=colour, alpha=None)


def _resize_alpha(image: Image, size: tuple[int, int]) -> Plane | None:
    return None if image.alpha is None else resize_alpha(image.alpha, size, border="wrap")
