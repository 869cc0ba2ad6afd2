"""Frames of an animation as they are shown: each laid on what the one before it left."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ImageError
from kukkiri.images.containers.apng import Apng, read_apng
from kukkiri.images.image import Image, split_alpha
from kukkiri.images.libvips import vips
from kukkiri.images.quantization import dequantize

__all__ = ["compose_apng", "split_stack", "take_frame"]

Levels = NDArray[Any]
_CLEARED, _RESTORED = 1, 2


def split_stack(data: bytes, loader: str, strictness: str) -> Iterator[Levels]:
    """Yield the frames of a GIF or WebP, (H, W, 1 to 4) of 8 bits, as libvips lays them.

    Args:
        data: the file.
        loader: operation of libvips.
        strictness: see :func:`kukkiri.images.decoding.find_strictness`.

    Raises:
        Error: of libvips, when the frame is damaged.
    """
    stack = getattr(vips().Image, loader)(data, n=-1, fail_on=strictness, access="sequential")
    height = stack.get("page-height") if stack.get_typeof("page-height") else stack.height
    region = vips().Region.new(stack)
    for top in range(0, stack.height, height):
        samples = region.fetch(0, top, stack.width, height)
        yield np.frombuffer(samples, np.uint8).reshape(height, stack.width, stack.bands)


def compose_apng(data: bytes, name: str) -> Iterator[Levels]:
    """Yield the frames of an APNG, (H, W, 1 to 4) of 8 or 16 bits.

    Raises:
        ImageError: the frames are damaged or not all there.
        Error: of libvips, when the pixels of a frame are damaged.
    """
    animation = read_apng(data)
    if animation is None:
        raise ImageError(f"{name}: the frames of this animated PNG are damaged or not all there. Get the file again.")
    canvas: Levels | None = None
    for frame in animation.frames:
        levels = vips().Image.pngload_buffer(frame.png, fail_on="error").numpy()
        levels = levels.reshape(*levels.shape[:2], -1)
        if canvas is None:
            opaque = levels.shape[2] in (1, 3) and _is_covered(animation)
            bands = levels.shape[2] + (levels.shape[2] in (1, 3) and not opaque)
            canvas = np.zeros((*animation.size, bands), dtype=levels.dtype)
        if canvas.shape[2] == levels.shape[2] + 1:
            white = np.full((*levels.shape[:2], 1), np.iinfo(levels.dtype).max, levels.dtype)
            levels = np.concatenate([levels, white], axis=2)
        (top, left), (height, width) = frame.corner, frame.size
        part = (slice(top, top + height), slice(left, left + width))
        before = canvas.copy() if frame.disposal == _RESTORED else None
        canvas[part] = _lay_over(levels, canvas[part]) if frame.over and levels.shape[2] in (2, 4) else levels
        yield canvas.copy()
        if before is not None:
            canvas = before
        elif frame.disposal == _CLEARED:
            canvas[part] = 0


def _is_covered(animation: Apng) -> bool:
    """True when no part of the canvas is ever empty."""
    first = animation.frames[0]
    return first.size == animation.size and all(frame.disposal != _CLEARED for frame in animation.frames)


def _lay_over(above: Levels, below: Levels) -> Levels:
    """Lay (H, W, 2 or 4) levels over others; colours are not multiplied by alpha."""
    white = float(np.iinfo(above.dtype).max)
    top, bottom = above[..., -1:] / white, below[..., -1:] / white
    alpha = top + bottom * (1 - top)
    mixed = above[..., :-1] * top + below[..., :-1] * (bottom * (1 - top))
    colours = np.divide(mixed, alpha, out=np.zeros_like(mixed), where=alpha > 0)
    return np.floor(np.concatenate([colours, alpha * white], axis=2) + 0.5).astype(above.dtype)


def take_frame(levels: Levels, first: Image) -> Image:
    """Make an image of a frame's levels, with the metadata of the first."""
    colour, alpha = split_alpha(dequantize(levels))
    return dataclasses.replace(first, colour=colour, alpha=alpha, depth=8 if levels.dtype == np.uint8 else 16)
