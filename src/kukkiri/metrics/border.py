"""The border that a full-reference metric cuts before it compares."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["cut_border"]


def cut_border(hr: NDArray[Any], sr: NDArray[Any], *, border: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cut both images alike and convert them to float64.

    Args:
        hr: (H, W) or (H, W, C).
        sr: the same shape.
        border: pixels cut from each side.

    Raises:
        ValueError: the shapes differ, or ``border`` leaves nothing.
    """
    if hr.shape != sr.shape or hr.ndim not in (2, 3):
        raise ValueError(f"two images of one shape, (H, W) or (H, W, C), are needed; got {hr.shape} and {sr.shape}")
    height, width = hr.shape[:2]
    if border < 0 or min(height, width) <= 2 * border:
        raise ValueError(f"a border of {border} leaves nothing of {height}x{width}")
    inner = (slice(border, height - border), slice(border, width - border))
    return hr[inner].astype(np.float64), sr[inner].astype(np.float64)
