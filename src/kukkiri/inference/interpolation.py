"""Images and planes upscaled by an interpolation kernel, without any network."""

import dataclasses
from functools import partial

import numpy as np
from numpy.typing import NDArray

from kukkiri.images import Image, bleed, dequantize, quantize
from kukkiri.inference.parts import Part
from kukkiri.inference.strip_threads import run_strips
from kukkiri.resampling import StripResize, resize

__all__ = ["interpolate_image", "interpolate_rows", "resize_planes"]

Plane = NDArray[np.float32]


def interpolate_image(image: Image, size: tuple[int, int], *, kernel: str, threads: int = 1) -> Image:
    """Resize colour and alpha.

    Integer images are computed in integers, as MATLAB does, so that published bicubic scores are met; floats in floats.

    Args:
        image: any; transparent pixels first take the colours around them.
        size: (height, width) of the result.
        kernel: a key of ``kukkiri.resampling.KERNELS``.
        threads: that work on strips, whose height does not depend on them.

    Returns:
        The image in its new size, clamped to [0, 1].
    """
    resized = partial(_resized, size=size, kernel=kernel, depth=image.depth, threads=threads)
    if image.alpha is None:
        return dataclasses.replace(image, colour=resized(image.colour))
    return dataclasses.replace(image, colour=resized(bleed(image.colour, image.alpha)), alpha=resized(image.alpha))


def interpolate_rows(values: Plane, part: Part, rows: int, *, width: int, kernel: str, depth: int) -> Plane:
    """Compute some rows of what :func:`interpolate_image` makes of a plane or planes.

    Args:
        values: (n, W, C), [0, 1], the rows that the result reads.
        part: where they and the result's rows lie in the whole.
        rows: of the result.
        width: of the result.
        kernel: a key of ``kukkiri.resampling.KERNELS``.
        depth: of the image; integers are computed in integers.

    Returns:
        (rows, width, C), clamped to [0, 1].
    """
    samples = values if depth == 32 else quantize(values, depth)
    strips = StripResize(
        samples.transpose(2, 0, 1),
        output_size=(part.output_height, width),
        kernel=kernel,
        height=part.height,
        first=part.first,
    )
    resized = strips.rows(part.row, part.row + rows).transpose(1, 2, 0)
    floats = np.clip(resized, 0, 1) if depth == 32 else dequantize(resized, depth)
    return np.ascontiguousarray(floats)


def resize_planes(planes: Plane, size: tuple[int, int], *, kernel: str = "cubic") -> Plane:
    """Resize (1, C, H, W) to (1, C, *size), antialiased when it becomes smaller; not clamped."""
    return np.stack([resize(plane, output_size=size, kernel=kernel) for plane in planes[0]])[None]


def _resized(values: Plane, size: tuple[int, int], *, kernel: str, depth: int, threads: int) -> Plane:
    if depth == 32:
        return np.clip(resize(values, output_size=size, kernel=kernel), 0, 1)
    levels = quantize(values, depth)
    strips = StripResize(levels.reshape(*levels.shape[:2], -1).transpose(2, 0, 1), output_size=size, kernel=kernel)
    result = np.empty((*size, *values.shape[2:]), dtype=np.float32)
    channels = result.reshape(*size, -1)

    def fill(first: int) -> None:
        rows = slice(first, min(first + strips.strip, size[0]))
        for channel, plane in enumerate(strips.rows(rows.start, rows.stop)):
            channels[rows, :, channel] = dequantize(plane, depth)

    run_strips(fill, range(0, size[0], strips.strip), threads=threads)
    return result
