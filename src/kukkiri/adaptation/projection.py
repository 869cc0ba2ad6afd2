"""ZSSR's post-processing: back-projection, and the median of the geometric self-ensemble."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kukkiri.inference.ensemble import VARIANTS
from kukkiri.resampling import resize

__all__ = ["back_project", "median_ensemble"]

Plane = NDArray[np.float32]
_STRIP = 64  # rows of the eight results that are sorted at one time


def back_project(sr: Plane, lr: Plane, *, downsample: Callable[[Plane], Plane], iterations: int) -> Plane:
    """Raise the LR consistency of an upscaled image: repeatedly add the upscaled difference between LR and its own LR.

    Irani & Peleg, "Improving resolution by image registration", CVGIP 53(3), 1991, with bicubic interpolation as the
    back-projection kernel.

    Args:
        sr: (H', W', C), the upscaled image.
        lr: (H, W, C).
        downsample: the degradation that made LR from HR: maps (H', W', C) to (H, W, C).
        iterations: 0 returns ``sr``.

    Returns:
        The shape of ``sr``, not clamped.
    """
    for _ in range(iterations):
        sr = sr + resize(lr - downsample(sr), output_size=(sr.shape[0], sr.shape[1]))
    return sr


def median_ensemble(run: Callable[[Plane], Plane], lr: Plane) -> Plane:
    """Return the median of the geometric self-ensemble: of the results for all eight flips and 90-degree rotations.

    Args:
        run: maps (H, W, C) to (scale*H, scale*W, C).
        lr: (H, W, C).

    Returns:
        (scale*H, scale*W, C); the median of eight values is the mean of the two middle ones.
    """
    results = []
    for transposed, rows, columns in VARIANTS:
        view = lr[::rows, ::columns]
        sr = run(np.ascontiguousarray(view.swapaxes(0, 1) if transposed else view))
        results.append((sr.swapaxes(0, 1) if transposed else sr)[::rows, ::columns])
    median = np.empty(results[0].shape, dtype=np.float32)
    for first in range(0, len(median), _STRIP):
        strip = slice(first, first + _STRIP)
        median[strip] = np.median(np.stack([result[strip] for result in results]), axis=0)
    return median
