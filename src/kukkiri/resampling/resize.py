"""Resize arrays with a weight table: exact for integers, fast for floats."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from kukkiri.resampling.integer_rounding import Rounding
from kukkiri.resampling.passes import apply_along, resize_plan
from kukkiri.resampling.strip_resize import StripResize
from kukkiri.resampling.weights import Border

__all__ = ["resize"]

Pixels = TypeVar("Pixels", bound=NDArray[np.integer[Any] | np.floating[Any]])


def resize(
    image: Pixels,
    *,
    scale: float | None = None,
    output_size: tuple[int, int] | None = None,
    kernel: str = "cubic",
    antialias: bool = True,
    border: Border = "symmetric",
    rounding: Rounding = "half-away",
) -> Pixels:
    """Resize an image as MATLAB's ``imresize`` does.

    Args:
        image: (H, W) or (H, W, C); uint8, uint16, float32 or float64.
        scale: output pixels for one input pixel along a side; the output is ceil(scale * side).
        output_size: (height, width) instead of ``scale``.
        kernel: ``nearest``, ``linear``, ``cubic`` (a = -0.5) or ``lanczos3``.
        antialias: stretch the kernel when downscaling.
        border: rule for pixels outside the image; MATLAB's is ``symmetric``.
        rounding: of exact halves in integer images; MATLAB's is ``half-away``. NumPy ports of ``imresize``
            round with ``numpy.around`` and so are ``half-even``: up to 4 % of the values differ by 1.

    Returns:
        An array of the same dtype. Integers are computed in float64, rounded and clipped after each of the
        two passes, as MATLAB does (rounding only once differs in 14 % of the values); floats are neither
        rounded nor clipped.

    Raises:
        TypeError: another dtype.
        ValueError: another shape, an empty image, or impossible arguments.
    """
    if image.ndim not in (2, 3) or 0 in image.shape:
        raise ValueError(f"an image is (H, W) or (H, W, C) and not empty, got shape {image.shape}")
    if image.dtype not in (np.uint8, np.uint16, np.float32, np.float64):
        raise TypeError(f"an image is uint8, uint16, float32 or float64, got {image.dtype}")
    if np.issubdtype(image.dtype, np.floating):
        for axis, table in resize_plan(
            (image.shape[0], image.shape[1]),
            scale=scale,
            output_size=output_size,
            kernel=kernel,
            antialias=antialias,
            border=border,
        ):
            image = apply_along(image, table, axis=axis)  # type: ignore[assignment]
        return image
    planes = image.reshape(*image.shape[:2], -1).transpose(2, 0, 1)
    strips = StripResize(
        planes,
        scale=scale,
        output_size=output_size,
        kernel=kernel,
        antialias=antialias,
        border=border,
        rounding=rounding,
    )
    height, width = strips.output_size
    result = np.empty((height, width, len(planes)), dtype=image.dtype)
    for start in range(0, height, strips.strip):
        rows = slice(start, min(start + strips.strip, height))
        for channel, plane in enumerate(strips.rows(rows.start, rows.stop)):  # four times faster than all at once
            result[rows, :, channel] = plane
    return result.reshape(height, width, *image.shape[2:])  # type: ignore[return-value]
