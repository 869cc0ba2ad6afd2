"""What ZSSR does after its network: back-projection, and the median of eight orientations."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kukkiri.resampling import resize

__all__ = ["back_project", "median_ensemble"]

Plane = NDArray[np.float32]
_VARIANTS = [(turned, rows, columns) for turned in (False, True) for rows in (1, -1) for columns in (1, -1)]
_STRIP = 64  # rows whose eight versions are sorted at one time


def back_project(sr: Plane, lr: Plane, *, shrink: Callable[[Plane], Plane], iterations: int) -> Plane:
    """Make an upscaled image agree better with the small one: add the upscaled difference, again and again.

    Irani & Peleg, "Improving resolution by image registration", CVGIP 53(3), 1991, with the bicubic kernel
    as the way back.

    Args:
        sr: (H', W', C), larger than ``lr``.
        lr: (H, W, C).
        shrink: how LR came from HR: maps (H', W', C) to (H, W, C).
        iterations: 0 gives ``sr`` back.

    Returns:
        The shape of ``sr``, not clamped.
    """
    for _ in range(iterations):
        sr = sr + resize(lr - shrink(sr), output_size=(sr.shape[0], sr.shape[1]))
    return sr


def median_ensemble(run: Callable[[Plane], Plane], lr: Plane) -> Plane:
    """Run on all eight flips and quarter turns, and take the median of each value.

    Args:
        run: maps (H, W, C) to (scale H, scale W, C).
        lr: (H, W, C).

    Returns:
        The median, the mean of the two middle ones, of what comes back, turned back.
    """
    results = []
    for turned, rows, columns in _VARIANTS:
        view = lr[::rows, ::columns]
        sr = run(np.ascontiguousarray(view.swapaxes(0, 1) if turned else view))
        results.append((sr.swapaxes(0, 1) if turned else sr)[::rows, ::columns])
    median = np.empty(results[0].shape, dtype=np.float32)
    for first in range(0, len(median), _STRIP):
        strip = slice(first, first + _STRIP)
        median[strip] = np.median(np.stack([one[strip] for one in results]), axis=0)
    return median
