"""Rules that SR keeps whatever the network gave: the mean of fine patterns, and flat parts that stay flat."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from kukkiri.inference.flat_bound import bound_flat
from kukkiri.inference.local_mean import keep_local_mean
from kukkiri.inference.parts import Part, find_starts

__all__ = ["LUMA_RANGE", "RGB_RANGE", "SampleRange", "hold_to_lr"]

Pixels = NDArray[np.float32]
SampleRange = tuple[float, float]
RGB_RANGE: SampleRange = (0.0, 1.0)
"""Black and white of RGB and grey samples."""
LUMA_RANGE: SampleRange = (16 / 255, 235 / 255)
"""Black and white of luma in MATLAB's studio range."""


def hold_to_lr(
    sr: Pixels, lr: Pixels, *, samples: SampleRange = RGB_RANGE, part: Part | None = None, threads: int = 1
) -> None:
    """Apply both rules in place: :func:`bound_flat`, then :func:`keep_local_mean`.

    Args:
        sr: (sH, sW, C), clipped to ``samples``.
        lr: (H, W, C).
        samples: black and white; a level is a 255th of their difference.
        part: where these rows lie in the whole, when they are not all; ``lr`` may have more than ``sr``.
        threads: that work on strips.
    """
    low, high = samples
    level = (high - low) / 255
    bound_flat(sr, lr, level=level, part=part, threads=threads)
    if part is not None:
        starts = find_starts(part.height, part.output_height)
        first, last = np.searchsorted(starts, (part.row, part.row + len(sr)))
        lr = lr[first - part.first : last - part.first]
        part = dataclasses.replace(part, first=int(first))
    keep_local_mean(sr, lr, level=level, low=low, high=high, part=part, threads=threads)
