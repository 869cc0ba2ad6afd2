"""The border that a full-reference metric cuts before it compares."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.metrics.metric import Sample

__all__ = ["cut_border", "cut_colours", "make_value"]

_LEVELS = 64
"""More different values in [0, 1] than a black frame of up to 12 bits has."""


def cut_border(
    hr: NDArray[Any],
    sr: NDArray[Any],
    *,
    border: int,
    smallest: int = 1,
    metric: str = "the metric",
    data_range: float | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cut both images alike and convert them to float64.

    Args:
        hr: (H, W) or (H, W, C).
        sr: the same shape.
        border: pixels cut from each side.
        smallest: pixels that must remain along each side.
        metric: its name in the message.
        data_range: white minus black, where the metric depends on it.

    Raises:
        ValueError: the shapes differ, ``border`` leaves too little, or an image has another range.
    """
    if hr.shape != sr.shape or hr.ndim not in (2, 3):
        raise ValueError(f"two images of one shape, (H, W) or (H, W, C), are needed; got {hr.shape} and {sr.shape}")
    height, width = hr.shape[:2]
    if border < 0 or min(height, width) <= 2 * border:
        raise ValueError(f"a border of {border} leaves nothing of {height}x{width}")
    if min(height, width) - 2 * border < smallest:
        raise ValueError(
            f"{metric} needs {smallest} pixels along each side, got {height - 2 * border}x{width - 2 * border} "
            "after the border"
        )
    if data_range is not None:
        _check_range(hr, sr, data_range)
    inner = (slice(border, height - border), slice(border, width - border))
    return hr[inner].astype(np.float64), sr[inner].astype(np.float64)


def _check_range(hr: NDArray[Any], sr: NDArray[Any], data_range: float) -> None:
    """Refuse levels above white, and floats of [0, 1] where white is 255: the metric would be a number, but wrong."""
    whole = [image for image in (hr, sr) if np.issubdtype(image.dtype, np.integer)]
    for image in whole:
        if image.max(initial=0) > data_range:
            raise ValueError(
                f"{image.dtype} levels up to {image.max()} are above data_range {data_range:g}; "
                f"give data_range={np.iinfo(image.dtype).max}"
            )
    if data_range != 255:
        return
    fractions = [np.issubdtype(image.dtype, np.floating) and _holds_fractions(image) for image in (hr, sr)]
    if all(fractions) or (any(fractions) and any(image.max(initial=0) > 1 for image in whole)):
        raise ValueError("floats in [0, 1] have no data_range of 255; give both images in [0, 1], and data_range=1")


def _holds_fractions(image: NDArray[Any]) -> bool:
    """True for an image in [0, 1], but not for a black one in [0, 255], whose few levels differ by 1 or 1/4."""
    return bool(0 < image.max(initial=0) <= 1 and np.unique(image).size > _LEVELS)


def cut_colours(
    hr: NDArray[Any], sr: NDArray[Any], *, border: int, smallest: int, metric: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cut both images alike and convert them to RGB in [0, 1], for a network.

    Args:
        hr: (H, W, 3) RGB or (H, W) luma, uint8.
        sr: the same shape.
        border: see :func:`cut_border`.
        smallest: see :func:`cut_border`.
        metric: see :func:`cut_border`.

    Raises:
        ValueError: the images are not uint8, or see :func:`cut_border`.
    """
    if hr.shape != sr.shape or hr.dtype != np.uint8 or sr.dtype != np.uint8:
        raise ValueError(
            f"two uint8 images of one shape are compared, got {hr.shape} {hr.dtype} and {sr.shape} {sr.dtype}"
        )
    cut = cut_border(hr, sr, border=border, smallest=smallest, metric=metric)
    reference, estimate = (
        np.broadcast_to(np.atleast_3d(np.float32(image) / np.float32(255)), (*image.shape[:2], 3)) for image in cut
    )
    return reference, estimate


def make_value(
    compare: Callable[..., float], *, smallest: int, colour: bool = False
) -> Callable[[Sample], float | None]:
    """Make the value of a metric that compares what remains of two images after a border of ``scale`` pixels.

    Args:
        compare: from hr, sr and the keyword ``border`` to the metric.
        smallest: pixels that must remain along each side; the value of a smaller image is ``None``.
        colour: compare the 8-bit images themselves, not what the protocol makes of them.
    """

    def value(sample: Sample) -> float | None:
        if min(sample.hr.shape[:2]) - 2 * sample.scale < smallest:
            return None
        return compare(*((sample.hr, sample.sr) if colour else sample.compared), border=sample.scale)

    return value
